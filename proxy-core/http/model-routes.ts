import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Failure, failure } from '../contract/failures.ts';
import type { Core } from '../exchange/core.ts';
import { deliverRefusal } from '../exchange/deliver.ts';
import { endpointOf } from '../exchange/endpoint.ts';
import { govern } from '../exchange/exchange.ts';
import { listModels } from '../exchange/list-models.ts';
import { createAgentReply } from './agent-reply.ts';
import { refuse } from './refuse.ts';
import { readRequestBody } from './request-body.ts';

/** Everything under /v1 that goes to a provider. The body is read here, after guard and token have passed. */
export function addModelRoutes(server: FastifyInstance, core: Core): void {
  server.all('/v1/*', (request, reply) => carry(core, request, reply));
}

async function carry(core: Core, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const body = await readRequestBody(request.raw, core.options.maxBodyBytes);
  if (body.kind === 'refused') return refuse(request, reply, body.failure);
  reply.hijack();
  if (body.kind === 'gone') {
    reply.raw.destroy();
    return undefined;
  }
  const agentRequest = {
    agent: request.agent,
    credential: request.credential,
    method: request.method,
    target: request.target,
    endpoint: endpointOf(request.method, request.target.path),
    headers: request.headers as Record<string, string | undefined>,
    rawHeaders: request.raw.rawHeaders,
    body: body.bytes,
    bodyDecoded: body.decoded,
  };
  const agentReply = createAgentReply(reply.raw, core.program.anywhere);
  try {
    if (agentRequest.endpoint.kind === 'models') await listModels(core, agentRequest, agentReply);
    else await govern(core, agentRequest, agentReply);
  } catch (error) {
    core.log.error('exchange.failed', {
      path: request.target.path,
      error: error instanceof Error ? (error.stack ?? '') : '',
    });
    if (agentReply.headSent) agentReply.cut(null);
    else deliverRefusal(agentReply, agentRequest, { failure: bug(), exchangeId: null, runId: null, policy: null });
  }
  return undefined;
}

const bug = (): Failure =>
  failure('internal_error', 'Rungate failed on this call and let nothing through; its log says why.', {}, 5);
