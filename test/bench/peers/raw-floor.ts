import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

/**
 * The floor: what any proxy on this runtime must pay. `node:http` in front, an undici `Pool` behind, the body parsed
 * once as JSON, the answer passed on as it comes, nothing else. The upstream's origin is the only argument.
 */
const pool = new Pool(process.argv[2] ?? '', { connections: null, pipelining: 1 });

function forward(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  JSON.parse(body.toString('utf8'));
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: 'POST',
      headers: ['content-type', 'application/json', 'accept-encoding', 'identity'],
      body,
    },
    {
      onRequestStart: () => undefined,
      onResponseStart(controller, status) {
        const raw = controller.rawHeaders;
        response.writeHead(status, Array.isArray(raw) ? raw.map(String) : []);
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  );
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => forward(request, Buffer.concat(chunks), response));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.once('disconnect', () => process.exit(0));
