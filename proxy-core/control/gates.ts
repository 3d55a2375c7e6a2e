import { failure } from '../contract/failures.ts';
import type { GateRecord, GrantScope } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import type { Decided, Decision } from '../exchange/gate-book.ts';
import { alreadyResolvedFailure, changedFailure } from '../gates/bodies.ts';
import { StoreUnavailable } from '../store/store.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';

type GateHandlers = Pick<
  Handlers,
  'gates.list' | 'gates.show' | 'gates.approve' | 'gates.reject' | 'gates.undo' | 'gates.extend'
>;

const PAGE = 50;

/** Approval gates: list, show, decide, undo, extend. */
export function gateHandlers(core: Core): GateHandlers {
  return {
    'gates.list': async ({ state, run_id, cursor, limit }) => {
      await expireDue(core);
      const page = core.store.read.gates({
        ...(state === undefined ? {} : { state }),
        ...(run_id === undefined ? {} : { runId: run_id }),
        ...(cursor === undefined ? {} : { cursor }),
        limit: limit ?? PAGE,
      });
      return { gates: page.items.map((gate) => withRetries(core, gate)), next: page.next };
    },
    'gates.show': async ({ gate_id }) => {
      await expireDue(core);
      return { gate: withRetries(core, knownGate(core, gate_id)) };
    },
    'gates.approve': async ({ gate_id, reason, action_hash, remember, for_seconds }, by) => {
      const decided = await decide(core, {
        ...verdict(core, gate_id, { reason, action_hash }, by),
        verdict: 'approved',
        suggestedArgs: null,
        remember: memoryOf(remember, for_seconds),
      });
      return { gate: decided.gate, grant: decided.grant };
    },
    'gates.reject': async ({ gate_id, reason, action_hash, suggested_args }, by) => {
      const decided = await decide(core, {
        ...verdict(core, gate_id, { reason, action_hash }, by),
        verdict: 'rejected',
        suggestedArgs: suggested_args ?? null,
        remember: null,
      });
      return { gate: decided.gate };
    },
    'gates.undo': async ({ gate_id }, by) => {
      const gate = await core.gates.undo(gate_id, by);
      if (gate === null) throw notUndone(knownGate(core, gate_id), core.clock.now());
      return { gate };
    },
    'gates.extend': async ({ gate_id, seconds }, by) => {
      const gate = await core.gates.extend(gate_id, seconds * 1000, by);
      if (gate === null) throw alreadyResolved(knownGate(core, gate_id), core.clock.now());
      return { gate };
    },
  };
}

/** Let gates that are past their time be seen as expired. Without a writable store the list is shown as it stands. */
async function expireDue(core: Core): Promise<void> {
  try {
    await core.gates.tick();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}

function knownGate(core: Core, gateId: string): GateRecord {
  const gate = core.store.read.gate(gateId);
  if (gate === null) throw unknownGate(gateId);
  return gate;
}

/** The store hears of retries now and then only; the book has counted them all. */
function withRetries(core: Core, gate: GateRecord): GateRecord {
  const live = core.gates.byId(gate.gate_id);
  return live === null ? gate : { ...gate, retries: live.retries, last_retry_at: live.last_retry_at };
}

type Given = { readonly reason: string | undefined; readonly action_hash: string | undefined };

const verdict = (core: Core, gateId: string, { reason, action_hash }: Given, by: Caller) => ({
  gateId,
  reason: reason ?? null,
  actionHash: action_hash ?? null,
  undoMs: undoWindow(core, by),
  by,
});

/** A slip of a mouse can be taken back; a command that was typed is meant. */
const undoWindow = (core: Core, { channel }: Caller): number =>
  channel === 'desktop' || channel === 'console' ? core.options.undoMs : 0;

function memoryOf(scope: GrantScope | undefined, seconds: number | undefined): Decision['remember'] {
  if (scope !== undefined) return { scope, forMs: seconds === undefined ? null : seconds * 1000 };
  if (seconds === undefined) return null;
  throw new Refusal(
    failure('invalid_request', 'for_seconds says how long to remember; it needs remember.', { field: 'for_seconds' }),
  );
}

async function decide(core: Core, decision: Decision): Promise<Extract<Decided, { kind: 'decided' }>> {
  const decided = await core.gates.decide(decision);
  switch (decided.kind) {
    case 'decided':
      return decided;
    case 'already_resolved':
      throw alreadyResolved(decided.gate, core.clock.now());
    case 'changed':
      throw new Refusal(changedFailure(decided.gate));
    case 'not_found':
      throw unknownGate(decision.gateId);
    case 'not_grantable':
      throw new Refusal(
        failure('invalid_request', decided.reason, {
          gate_id: decision.gateId,
          recover: 'Nothing was decided. Approve it once, without remembering.',
        }),
      );
  }
}

const unknownGate = (gateId: string): Refusal =>
  new Refusal(failure('not_found', `There is no gate ${gateId}.`, { recover: 'See: rungate gates' }));

/** 409 with who was first, when and how (behaviour §6). */
const alreadyResolved = (gate: GateRecord, now: number): Refusal =>
  new Refusal({ ...alreadyResolvedFailure(gate), message: `Already ${resolution(gate, now)}.` });

function notUndone(gate: GateRecord, now: number): Refusal {
  if (gate.state === 'approved' || gate.state === 'rejected') {
    const message = `Too late to undo, or another's verdict: ${resolution(gate, now)}.`;
    return new Refusal({ ...alreadyResolvedFailure(gate), message });
  }
  const { gate_id, state } = gate;
  return new Refusal(
    failure('invalid_request', `Gate ${gate_id} has no verdict to undo: it is ${state}.`, { gate_id, state }),
  );
}

/** `approved by operator via cli at 14:02:11`; an actor or channel is short, so that the sentence stays one. */
function resolution({ state, decided_by, channel, decided_at, expires_at }: GateRecord, now: number): string {
  if (state === 'expired') return `expired at ${renderInstant(expires_at, now)}`;
  const who = decided_by === null ? '' : ` by ${decided_by.slice(0, 80)}`;
  const how = channel === null ? '' : ` via ${channel.slice(0, 40)}`;
  return `${state}${who}${how}${decided_at === null ? '' : ` at ${renderInstant(decided_at, now)}`}`;
}

/** Local time, with the day when it was not today. */
function renderInstant(at: number, now: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const then = new Date(at);
  const time = [then.getHours(), then.getMinutes(), then.getSeconds()].map(two).join(':');
  if (then.toDateString() === new Date(now).toDateString()) return time;
  return `${time} on ${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}
