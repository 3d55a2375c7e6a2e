import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Program } from '../contract/program.ts';
import { refuse } from './operator-reply.ts';
import { signInRefused } from './sign-in-route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** SHA-256 (base64url) of the body that this request's proof is about; null where none was asked for. */
    promisedBody: string | null;
    /** SHA-256 (base64url) of the body that came; null for none. */
    receivedBody: string | null;
  }
}

const digestOf = (body: Uint8Array | string): string => hash('sha256', body, 'base64url');
const NO_BODY = digestOf('');

/** JSON bodies only, and nothing is done with one that is not the body its proof was made for. */
export function checkBodies(server: FastifyInstance, unsigned: Program['unsigned']): void {
  server.decorateRequest('promisedBody', null);
  server.decorateRequest('receivedBody', null);
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    request.receivedBody = digestOf(body);
    void parse(request, body.toString(), done);
  });
  server.addHook('preValidation', async (request, reply) => {
    if (request.promisedBody === null || request.promisedBody === (request.receivedBody ?? NO_BODY)) return;
    return refuse(reply, signInRefused('This request’s proof is about another body.', unsigned));
  });
}
