import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Reply } from '../contract/client.ts';
import { CONSOLE_POLICY } from '../contract/content-policy.ts';
import { FAILURES, type Failure, failure } from '../contract/failures.ts';

/** How the operator's doors answer: always a reply, whatever went wrong. */

/** Headers of every answer of the operator port. */
export const SECURITY_HEADERS = {
  'content-security-policy': CONSOLE_POLICY,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Largest input of an operation, in bytes. */
export const OPERATION_BODY_LIMIT = 8 * 1_048_576;

/** The status that goes with a reply. */
export const statusOf = (reply: Reply<unknown>): number =>
  reply.ok ? 200 : (reply.failure.status ?? FAILURES[reply.failure.code].status);

/** Answer with a failure. */
export function refuse(reply: FastifyReply, reason: Failure): FastifyReply {
  const refusal: Reply<never> = { ok: false, failure: reason };
  return reply.code(statusOf(refusal)).send(refusal);
}

/** Unknown addresses and requests that cannot be read are answered with a reply, too. */
export function replyToErrors(server: FastifyInstance): void {
  server.setNotFoundHandler((_request, reply) =>
    refuse(reply, failure('not_found', 'There is nothing at this address.')),
  );
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    reply.header('connection', 'close');
    return refuse(reply, unreadable(error));
  });
}

function unreadable({ code }: FastifyError): Failure {
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const limit = OPERATION_BODY_LIMIT;
    return failure('request_too_large', `The input is larger than ${limit} bytes.`, { limit_bytes: limit });
  }
  return failure('invalid_request', 'The request could not be read.', { recover: 'Send a JSON object.' });
}
