import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A place outside the app that must never be reached: it counts who comes. */
export interface ProbeServer {
  readonly url: string;
  /** The paths that were asked for. */
  readonly reached: readonly string[];
  close(): Promise<void>;
}

export async function startProbeServer(html = '<h1>outside</h1>'): Promise<ProbeServer> {
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(request.url ?? '');
    const headers = { 'content-type': 'text/html', 'access-control-allow-origin': '*' };
    response.writeHead(200, headers).end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reached,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
