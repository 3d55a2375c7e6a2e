import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import Fastify from 'fastify';
import type { Call } from '../control/call.ts';
import { closeServer } from './close-server.ts';
import { addExportRoutes, type ExportDoor } from './export-routes.ts';
import { addOperations } from './operation-routes.ts';
import { OPERATION_BODY_LIMIT, replyToErrors } from './operator-reply.ts';

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

/** Listen on `path`. A socket file that nobody answers on is a leftover of a crash and is replaced. */
export async function listenCommandSocket(path: string, call: Call, exports: ExportDoor): Promise<CommandSocket> {
  const server = Fastify({ bodyLimit: OPERATION_BODY_LIMIT });
  replyToErrors(server);
  addOperations(server, call, { actor: 'operator', channel: 'cli' });
  addExportRoutes(server, exports);
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
