import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a proxy was asked. */
export interface AskedOfProxy {
  readonly method: string;
  /** `HOST:PORT` of a tunnel, or the whole address. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface NetworkProxy {
  readonly url: string;
  readonly asked: readonly AskedOfProxy[];
}

/**
 * A recording HTTP proxy on loopback: names do not resolve, whatever it is asked for leads to `port` on this machine.
 * With `login` (`user:password`) it asks for that; `status` answers every tunnel with a refusal.
 */
export async function startNetworkProxy(
  port: number,
  { login, status }: { readonly login?: string; readonly status?: number } = {},
): Promise<NetworkProxy> {
  const asked: AskedOfProxy[] = [];
  const sockets = new Set<Socket>();
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const refusal = (headers: IncomingHttpHeaders) =>
    status ?? (wanted === undefined || headers['proxy-authorization'] === wanted ? null : 407);
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    asked.push({ method, target: url, headers });
    const no = refusal(headers);
    if (no !== null) return void answer.writeHead(no).end();
    const { pathname, search } = new URL(url);
    const onward = request({ host: '127.0.0.1', port, method, path: pathname + search, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
    });
    incoming.pipe(onward);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', ({ method = '', url = '', headers }, socket: Socket) => {
    asked.push({ method, target: url, headers });
    const no = refusal(headers);
    if (no !== null) return void socket.end(`HTTP/1.1 ${no} No\r\ncontent-length: 0\r\n\r\n`);
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const each of [socket, onward]) each.on('error', () => each.destroy()).on('close', () => socket.destroy());
    sockets.add(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
