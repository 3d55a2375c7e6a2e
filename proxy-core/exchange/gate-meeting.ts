import { hash } from 'node:crypto';
import type { Failure } from '../contract/failures.ts';
import type { GateRecord } from '../contract/records.ts';
import { answerGoneFailure, cancelledFailure, expiredFailure, rejectedFailure } from '../gates/bodies.ts';
import { stateAt } from '../gates/states.ts';
import { canonicalBody, fingerprint } from '../runs/fingerprint.ts';
import type { FoundAnswer } from '../store/store.ts';
import type { Core } from './core.ts';
import type { ReadRequest } from './request.ts';
import type { LiveRun } from './run-directory.ts';

/** What a request meets in a run that has gates: the same request meets the same outcome, always (behaviour §6). */
export type Meeting =
  /** No gate concerns it. */
  | { readonly kind: 'none' }
  | { readonly kind: 'waiting'; readonly gate: GateRecord }
  /** Approved, and its answer is kept: the reviewed bytes, again and again. */
  | { readonly kind: 'replay'; readonly gate: GateRecord; readonly answer: FoundAnswer }
  /** A request gate that is approved and not consumed: it may be forwarded, once. */
  | { readonly kind: 'approved'; readonly gate: GateRecord }
  | { readonly kind: 'refused'; readonly failure: Failure };

const sha256 = (text: string): string => hash('sha256', text, 'hex');

const canonical = new WeakMap<Uint8Array, string>();

function canonicalOf(body: Uint8Array): string {
  const text = canonical.get(body) ?? canonicalBody(new TextDecoder().decode(body));
  canonical.set(body, text);
  return text;
}

/** The fingerprint that ties a retry of this request to its gate. */
export function fingerprintOf(request: ReadRequest, run: LiveRun): string {
  const opaque = request.endpoint.kind === 'other';
  return fingerprint(
    {
      agentId: request.agent.agent_id,
      runId: run.runId,
      method: request.method,
      // The query of an endpoint that nobody has read may be all there is to tell two calls apart, as may bytes that are no JSON.
      path: opaque ? `${request.target.path}${request.target.query}` : request.target.path,
      body: opaque ? JSON.stringify(request.digest) : canonicalOf(request.body),
    },
    sha256,
  );
}

const prints = new WeakMap<Uint8Array, string>();

/** What two sendings of one request have in common whatever run they belong to: its fingerprint without agent and run. */
export function printOf(request: ReadRequest): string {
  const { method, target, endpoint } = request;
  const opaque = endpoint.kind === 'other';
  const path = opaque ? `${target.path}${target.query}` : target.path;
  const known = prints.get(request.body) ?? printed(method, path, opaque ? request.digest : canonicalOf(request.body));
  prints.set(request.body, known);
  return known;
}

/** The same of a stored body; of one that is gone, or is no JSON any more, a print that equals no other. */
export function printOfBody(method: string, path: string, body: Uint8Array | null): string {
  try {
    return body === null ? '' : printed(method, path, canonicalBody(new TextDecoder().decode(body)));
  } catch (error) {
    if (error instanceof SyntaxError) return '';
    throw error;
  }
}

const printed = (method: string, path: string, body: string): string => sha256(JSON.stringify([method, path, body]));

/** A request gate and the gate on its answer share the request; this tells them apart. */
export const requestGatePrint = (print: string): string => `${print}:request`;

/**
 * Look for the gate of a request. Costs a look-up where the run has no gate. `met` is the gate that this very request has
 * waited at: when that has closed without an approval, the request is over. Asking anew is for the next one to do;
 * otherwise a closed gate would be followed by one more call to the provider.
 */
export function meetGate(core: Core, request: ReadRequest, run: LiveRun, met: GateRecord | null): Meeting {
  const waitedAt = met === null ? null : (core.gates.byId(met.gate_id) ?? met);
  const closed = waitedAt === null ? null : closedFailure(waitedAt, core.clock.now());
  if (closed !== null) return { kind: 'refused', failure: closed };
  const gate = gateOf(core, request, run);
  return gate === null ? { kind: 'none' } : meet(core, request, gate);
}

function gateOf(core: Core, request: ReadRequest, run: LiveRun): GateRecord | null {
  if (!core.gates.concerns(run.runId)) return null;
  const print = fingerprintOf(request, run);
  return core.gates.find(print) ?? core.gates.find(requestGatePrint(print));
}

/** Runs with gates that a request without a name is compared with. */
const COMPARED_RUNS = 32;

/**
 * The run in which a request that names none has met a gate, before the start too: its retry belongs there, whatever other
 * runs its agent has and however long the wait. `graceMs` after its answer was delivered it is a new request.
 */
export function runOfGate(core: Core, request: ReadRequest, graceMs: number): string | null {
  const now = core.clock.now();
  for (const runId of core.gates.runsOf(request.agent.agent_id).slice(0, COMPARED_RUNS)) {
    const run = core.runs.find(runId);
    if (run === null || run.explicit || (run.state !== 'open' && run.state !== 'waiting')) continue;
    const gate = gateOf(core, request, run);
    if (gate !== null && (gate.released_at === null || now - gate.released_at < graceMs)) return runId;
  }
  return null;
}

function closedFailure(gate: GateRecord, now: number): Failure | null {
  const state = stateAt(gate, now);
  if (state === 'cancelled') return cancelledFailure(gate);
  return state === 'expired' ? expiredFailure(gate) : null;
}

function meet(core: Core, request: ReadRequest, gate: GateRecord): Meeting {
  switch (stateAt(gate, core.clock.now())) {
    case 'pending':
      return { kind: 'waiting', gate };
    case 'rejected':
      return { kind: 'refused', failure: rejectedFailure(gate, request.client !== null) };
    case 'cancelled':
      return { kind: 'none' };
    case 'expired':
      return request.asks.newGate ? { kind: 'none' } : { kind: 'refused', failure: expiredFailure(gate) };
    case 'approved': {
      const answer = core.store.read.keptAnswer(gate.gate_id);
      if (answer !== null) return { kind: 'replay', gate, answer };
      return gate.kind !== 'response'
        ? { kind: 'approved', gate }
        : { kind: 'refused', failure: answerGoneFailure(gate) };
    }
  }
}
