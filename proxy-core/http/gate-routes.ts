import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Failure, failure } from '../contract/failures.ts';
import type { GateRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { agentGate } from '../gates/bodies.ts';
import { refuse, unlessUnavailable } from './refuse.ts';

type GateRequest = FastifyRequest<{ Params: { id: string } }>;

/**
 * What an agent may do with its own gates (behaviour §2): look, and give up. It can decide nothing; any other method
 * is not an endpoint.
 */
export function addGateRoutes(server: FastifyInstance, core: Core): void {
  server.get('/v1/gates/:id', (request: GateRequest, reply) =>
    unlessUnavailable(request, reply, () => showOwn(core, request, reply)),
  );
  server.delete('/v1/gates/:id', (request: GateRequest, reply) =>
    unlessUnavailable(request, reply, () => cancelOwn(core, request, reply)),
  );
}

async function showOwn(core: Core, request: GateRequest, reply: FastifyReply): Promise<FastifyReply> {
  // What an agent is told of an expiry stays true, even if the clock is set back.
  await core.gates.tick();
  const gate = ownGate(core, request);
  return gate === null ? refuse(request, reply, unknownGate(request)) : reply.send(agentGate(gate, core.clock.now()));
}

async function cancelOwn(core: Core, request: GateRequest, reply: FastifyReply): Promise<FastifyReply> {
  const gate = ownGate(core, request);
  if (gate === null) return refuse(request, reply, unknownGate(request));
  const by = { actor: `agent:${request.agent.name}`, channel: 'proxy' };
  const cancelled = await core.gates.cancel(gate.gate_id, 'cancelled_by_agent', by);
  return reply.send(agentGate(cancelled ?? core.gates.byId(gate.gate_id) ?? gate, core.clock.now()));
}

function ownGate(core: Core, request: GateRequest): GateRecord | null {
  const gate = core.gates.byId(request.params.id);
  return gate !== null && gate.agent_id === request.agent.agent_id ? gate : null;
}

const unknownGate = (request: GateRequest): Failure =>
  failure('not_found', `No gate ${request.params.id.slice(0, 64)} for this agent.`, {
    recover: 'Use the gate_id of a 202 that this agent was given.',
  });
