import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Failure } from '../contract/failures.ts';
import { spellFailure } from '../contract/program.ts';
import { parseTarget } from '../exchange/endpoint.ts';
import { refusalTarget } from '../exchange/refusal-target.ts';
import { storeRefusal } from '../exchange/store-refusal.ts';
import { StoreUnavailable } from '../store/store.ts';
import { renderRefusal } from '../wire/refusal.ts';

/** Answer a refusal in the caller's own shape and leave nothing unread behind it on the connection. */
export function refuse(request: FastifyRequest, reply: FastifyReply, reason: Failure): FastifyReply {
  const headers = request.headers as Record<string, string | undefined>;
  const target = request.target ?? parseTarget(request.originalUrl);
  const spelled = spellFailure(reason, request.server.program);
  const rendered = renderRefusal(spelled, refusalTarget({ method: request.method, headers, target }, request.id));
  if (!request.raw.readableEnded) reply.header('connection', 'close');
  reply.headers(rendered.headers);
  return reply.code(rendered.status).send(rendered.body);
}

/** Answer with a route, or with the refusal while the store cannot be written. */
export async function unlessUnavailable(
  request: FastifyRequest,
  reply: FastifyReply,
  route: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await route();
  } catch (error) {
    if (error instanceof StoreUnavailable) return refuse(request, reply, storeRefusal(error));
    throw error;
  }
}
