import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { type PauseWatch, watchPauses } from './pause-watch.ts';

/**
 * Node gives up requests that take too long to arrive, by a timer. After the process has stood still that timer comes before
 * what has arrived meanwhile is read: an agent would be told that its request was late, never to be sent again, when it was
 * we who did not look. Such a request is given its time once more.
 */
export interface LateRequests {
  /** True: the timeout of this connection is ours; `refuse` is called if the request is not there after `graceMs` either. */
  excuses(socket: Socket, refuse: () => void): boolean;
}

/** Watch the requests of a server. `graceMs`: how long one may take after a pause. */
export function excuseLateRequests(server: Server, graceMs: number, pauses: PauseWatch = watchPauses()): LateRequests {
  const latest = new WeakMap<Socket, IncomingMessage>();
  server.on('request', (request: IncomingMessage) => latest.set(request.socket, request));
  server.on('close', pauses.close);
  return {
    excuses(socket, refuse) {
      if (!pauses.justPaused) return false;
      const before = latest.get(socket);
      const waiting = before?.complete === false ? before : null;
      const timer = setTimeout(() => {
        const arrived = waiting === null ? latest.get(socket) !== before : waiting.complete;
        if (!arrived) refuse();
      }, graceMs).unref();
      socket.once('close', () => clearTimeout(timer));
      return true;
    },
  };
}
