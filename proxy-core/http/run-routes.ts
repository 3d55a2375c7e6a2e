import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Failure, failure } from '../contract/failures.ts';
import { isRunId } from '../contract/ids.ts';
import { nanoToUsd, nanoUsd, usdToNano } from '../contract/money.ts';
import type { RunRecord } from '../contract/records.ts';
import { heldAfterStop, policyFor, runCap } from '../exchange/choose-run.ts';
import type { Core } from '../exchange/core.ts';
import { makeId } from '../exchange/make-id.ts';
import { agentGate } from '../gates/bodies.ts';
import { scanJson } from '../wire/json-scan.ts';
import { refuse, unlessUnavailable } from './refuse.ts';
import { readRequestBody } from './request-body.ts';

type RunRequest = FastifyRequest<{ Params: { id: string } }>;
type ArtifactRequest = FastifyRequest<{ Params: { id: string; name: string } }>;

/** The run API (behaviour §2). An agent sees its own runs only: anything else is 404, whether it exists or not. */
export function addRunRoutes(server: FastifyInstance, core: Core): void {
  server.post('/v1/runs', (request, reply) => unlessUnavailable(request, reply, () => startRun(core, request, reply)));
  server.get('/v1/runs/:id', (request: RunRequest, reply) =>
    unlessUnavailable(request, reply, () => showRun(core, request, reply)),
  );
  server.post('/v1/runs/:id/complete', (request: RunRequest, reply) =>
    unlessUnavailable(request, reply, () => completeRun(core, request, reply)),
  );
  server.put('/v1/runs/:id/artifacts/:name', (request: ArtifactRequest, reply) =>
    unlessUnavailable(request, reply, () => putArtifact(core, request, reply)),
  );
}

const START_BODY_LIMIT = 64 * 1024;
const ARTIFACT_LIMIT = 32 * 1_048_576;

const startBody = z.strictObject({
  run_id: z.string().refine(isRunId, 'use 1 to 128 of A-Z a-z 0-9 . _ : -').optional(),
  policy: z.string().optional(),
  budget_usd: z.number().min(0).max(1_000_000).optional(),
  labels: z.record(z.string().max(64), z.string().max(512)).optional(),
});

async function startRun(core: Core, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = await readJson(request);
  if ('code' in body) return refuse(request, reply, body);
  const parsed = startBody.safeParse(body.value);
  if (!parsed.success) return refuse(request, reply, invalidBody(parsed.error));
  const { agent } = request;
  const policy = policyFor(core, agent, parsed.data.policy ?? null);
  if ('code' in policy) return refuse(request, reply, policy);
  const cap = parsed.data.budget_usd === undefined ? null : usdToNano(parsed.data.budget_usd);
  const runId = parsed.data.run_id ?? makeId('run', core);
  const held = heldAfterStop(core, agent);
  if (held !== null) return refuse(request, reply, held);
  const taken = core.runs.find(runId);
  if (taken !== null) return refuse(request, reply, alreadyTaken(runId, taken.agentId === agent.agent_id));
  const at = core.clock.now();
  const start = {
    runId,
    policy: policy.ref,
    explicit: true,
    labels: parsed.data.labels ?? {},
    client: null,
    traceParent: null,
    cap: runCap(policy, agent, cap),
    alertAt: policy.budget.alertAt,
  };
  const live = core.runs.begin(start, agent.agent_id, at, [], null);
  const by = { actor: `agent:${agent.name}`, channel: 'proxy' };
  const { run } = await core.store.write('startRun', { at, agentId: agent.agent_id, agentName: agent.name, start, by })
    .durable;
  live.start = null;
  core.bus.publish('run.started', { run_id: runId, agent: agent.name, policy: policy.ref, client: null });
  return reply.code(201).send(renderRun(core, run));
}

async function showRun(core: Core, request: RunRequest, reply: FastifyReply): Promise<FastifyReply> {
  const run = ownRun(core, request);
  return run === null ? refuse(request, reply, unknownRun(request.params.id)) : reply.send(renderRun(core, run));
}

async function completeRun(core: Core, request: RunRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (ownRun(core, request) === null) return refuse(request, reply, unknownRun(request.params.id));
  const by = { actor: `agent:${request.agent.name}`, channel: 'proxy' };
  const { changed, run } = await core.store.write('endRun', {
    at: core.clock.now(),
    runId: request.params.id,
    state: 'completed',
    by,
  }).durable;
  const live = core.runs.find(run.run_id);
  if (live !== null) live.state = run.state;
  core.gates.reread(run.run_id);
  if (changed) {
    core.bus.publish('run.completed', { run_id: run.run_id, agent: request.agent.name, spent_nano: run.spent_nano });
  }
  return reply.send(renderRun(core, run));
}

async function putArtifact(core: Core, request: ArtifactRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (ownRun(core, request) === null) return refuse(request, reply, unknownRun(request.params.id));
  if (!isArtifactName(request.params.name)) return refuse(request, reply, badArtifactName());
  const body = await readRequestBody(request.raw, ARTIFACT_LIMIT);
  if (body.kind === 'refused') return refuse(request, reply, body.failure);
  if (body.kind === 'gone') return reply.hijack();
  const artifact = await core.store.write('putArtifact', {
    at: core.clock.now(),
    artifactId: makeId('art', core),
    runId: request.params.id,
    name: request.params.name,
    contentType: request.headers['content-type'] ?? 'application/octet-stream',
    body: body.bytes,
    by: { actor: `agent:${request.agent.name}`, channel: 'proxy' },
  }).durable;
  return reply.code(201).send(artifact);
}

function ownRun(core: Core, request: RunRequest): RunRecord | null {
  const run = core.store.read.run(request.params.id);
  return run !== null && run.agent_id === request.agent.agent_id ? run : null;
}

/** A run as its agent sees it. */
function renderRun(core: Core, run: RunRecord): Readonly<Record<string, unknown>> {
  const cap = run.cap_nano === null ? null : nanoToUsd(nanoUsd(run.cap_nano));
  const spent = nanoToUsd(nanoUsd(run.spent_nano));
  const now = core.clock.now();
  const gates = core.store.read.gates({ runId: run.run_id, states: ['pending'], limit: 100 }).items;
  return {
    run_id: run.run_id,
    state: run.state,
    agent: run.agent,
    policy: run.policy,
    spent_usd: spent,
    reserved_usd: nanoToUsd(nanoUsd(run.reserved_nano)),
    cap_usd: cap,
    exchanges: run.exchanges,
    tool_calls: run.tool_calls,
    labels: run.labels,
    started_at: new Date(run.started_at).toISOString(),
    last_activity_at: new Date(run.last_activity_at).toISOString(),
    ended_at: run.ended_at === null ? null : new Date(run.ended_at).toISOString(),
    open_gates: gates.map((gate) => agentGate(gate, now)),
  };
}

/** Exports write artifacts as files, so a name is one plain path segment. */
const isArtifactName = (name: string): boolean => /^(?!\.{1,2}$)[^\p{Cc}\p{Cf}/\\:*?"<>|]{1,200}$/u.test(name);

const badArtifactName = (): Failure =>
  failure('invalid_request', 'The artifact’s name must be a plain file name of at most 200 characters.', {
    recover: 'Leave out slashes, control characters and : * ? " < > |',
  });

type Json = { readonly value: unknown };

async function readJson(request: FastifyRequest): Promise<Json | Failure> {
  const body = await readRequestBody(request.raw, START_BODY_LIMIT);
  if (body.kind === 'refused') return body.failure;
  if (body.kind === 'gone') return failure('invalid_request', 'The request was not completed.');
  if (body.bytes.length === 0) return { value: {} };
  try {
    if (scanJson(body.bytes).kind === 'scanned') return { value: JSON.parse(body.bytes.toString('utf8')) };
  } catch {
    // Structure is right and spelling is not: refused below like the rest.
  }
  return failure('invalid_request', 'The body is not a JSON object with each key once.', {
    recover: 'Send a JSON object.',
  });
}

const unknownRun = (runId: string): Failure =>
  failure('not_found', `No run ${runId.slice(0, 128)} for this agent.`, { recover: 'Use a run id of your own.' });

/** Whether a taken id is one's own may be said; of another agent's run nothing is. */
const alreadyTaken = (runId: string, own: boolean): Failure =>
  own
    ? failure('already_exists', `Run ${runId} exists already.`, {
        run_id: runId,
        recover: 'Use it, or choose another id.',
      })
    : failure('not_found', `Run id ${runId} cannot be used.`, { recover: 'Choose another id.' });

function invalidBody(error: z.ZodError): Failure {
  const issue = error.issues[0];
  return failure('invalid_request', `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'not valid'}`, {
    recover: 'Send {run_id?, policy?, budget_usd?, labels?}.',
  });
}
