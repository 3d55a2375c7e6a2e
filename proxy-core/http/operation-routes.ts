import type { FastifyInstance } from 'fastify';
import type { Call, Caller } from '../control/call.ts';
import { statusOf } from './operator-reply.ts';

/** `POST /api/NAME` for every operation of the contract: the body is its input, the answer its reply. */
export function addOperations(server: FastifyInstance, call: Call, by: Caller): void {
  server.post<{ Params: { name: string } }>('/api/:name', async (request, reply) => {
    const input = request.body === undefined ? {} : request.body;
    const result = await call(request.params.name, input, by);
    return reply.code(statusOf(result)).send(result);
  });
}
