import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Call } from '../control/call.ts';
import { closeServer } from './close-server.ts';

/**
 * The command socket: the `rungate` command talks to the running core through it.
 *
 * Threat: whoever can open it is the operator. It is a Unix socket of mode 0600 inside the 0700 home folder (a
 * named pipe of this user on Windows), never a TCP port, so neither a web page nor another user of the machine
 * reaches it. A program of the same user can; that is why enforcement is called advisory.
 */
export interface CommandSocket {
  close(): Promise<void>;
}

const COMMAND_BODY_LIMIT = 8 * 1_048_576;

/** Listen on `path`. A socket file that nobody answers on is a leftover of a crash and is replaced. */
export async function listenCommandSocket(path: string, call: Call): Promise<CommandSocket> {
  const server: FastifyInstance = Fastify({ bodyLimit: COMMAND_BODY_LIMIT });
  server.post<{ Params: { name: string } }>('/api/:name', async (request) =>
    call(request.params.name, request.body ?? {}, { actor: 'operator', channel: 'cli' }),
  );
  const named = path.startsWith('\\\\.\\pipe\\');
  if (!named && existsSync(path) && !(await answers(path))) unlinkSync(path);
  await server.listen({ path });
  if (!named) chmodSync(path, 0o600);
  return { close: () => closeServer(server) };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
