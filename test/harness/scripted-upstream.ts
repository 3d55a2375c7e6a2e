import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the provider received it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Resolves when this request's connection has been closed by the other side or the answer has been sent. */
  readonly closed: Promise<void>;
}

/** Writes the answer to one request, however badly a test wants it. */
export type Script = (request: ReceivedRequest, response: ServerResponse) => void | Promise<void>;

/** A provider that speaks bytes over a real socket: the only double in these tests. */
export interface ScriptedUpstream {
  readonly url: string;
  readonly received: readonly ReceivedRequest[];
  /** Resolves with the request number `count` (from 1) once its body has arrived. */
  request(count: number): Promise<ReceivedRequest>;
  /** Replace the script for the requests to come. */
  script(next: Script): void;
  close(): Promise<void>;
}

export async function startScriptedUpstream(first: Script): Promise<ScriptedUpstream> {
  let current = first;
  const received: ReceivedRequest[] = [];
  const waiting = new Map<number, (request: ReceivedRequest) => void>();
  const server: Server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const closed = new Promise<void>((resolve) => response.once('close', resolve));
      const seen: ReceivedRequest = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body,
        closed,
      };
      received.push(seen);
      waiting.get(received.length)?.(seen);
      return current(seen, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    request: (count) => {
      const known = received[count - 1];
      return known === undefined ? new Promise((resolve) => waiting.set(count, resolve)) : Promise.resolve(known);
    },
    script(next) {
      current = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answer every request with this JSON. */
export const answerJson =
  (body: unknown, status = 200): Script =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** Answer every request with these bytes as an event stream, in the pieces given. */
export const answerStream =
  (pieces: readonly (string | Uint8Array)[]): Script =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) response.write(piece);
    response.end();
  };
