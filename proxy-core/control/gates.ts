import { failure } from '../contract/failures.ts';
import type { GateRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import type { Decided, Decision } from '../exchange/gate-book.ts';
import { changedFailure } from '../gates/bodies.ts';
import { StoreUnavailable } from '../store/store.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';
import { attentionHandlers } from './gate-attention.ts';
import { createCards } from './gate-card.ts';
import { alreadyResolved, knownGate, memoryOf, notRevoked, notUndone, unknownGate } from './gate-refusals.ts';
import type { Snoozes } from './snoozes.ts';

type GateHandlers = Pick<
  Handlers,
  | 'gates.list'
  | 'gates.show'
  | 'gates.card'
  | 'gates.approve'
  | 'gates.reject'
  | 'gates.undo'
  | 'gates.revoke'
  | 'gates.extend'
  | 'gates.snooze'
  | 'gates.reviewing'
>;

const PAGE = 50;

/** Approval gates: list, show, decide, undo, extend, snooze. */
export function gateHandlers(core: Core, snoozes: Snoozes): GateHandlers {
  const cardOf = createCards(core, snoozes);
  return {
    ...attentionHandlers(core, snoozes),
    'gates.list': async ({ states, run_id, find, cursor, limit }) => {
      await expireDue(core);
      const page = core.store.read.gates({
        ...(states === undefined ? {} : { states }),
        ...(find === undefined ? {} : { find }),
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
    'gates.card': async ({ gate_id }) => {
      await expireDue(core);
      return { card: await cardOf(withRetries(core, knownGate(core, gate_id))) };
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
    'gates.revoke': async ({ gate_id, reason }, by) => {
      const result = await core.gates.revoke(gate_id, reason ?? null, by);
      if (result.kind === 'not_found') throw unknownGate(gate_id);
      if (result.kind === 'too_late') throw notRevoked(result.gate, result.claimed, core.clock.now());
      return { gate: result.gate };
    },
    'gates.extend': async ({ gate_id, seconds }, by) => {
      const gate = await core.gates.extend(gate_id, seconds * 1000, by);
      if (gate === null) throw alreadyResolved(knownGate(core, gate_id), core.clock.now());
      return { gate };
    },
  };
}

/** Let gates that are past their time be seen as expired. Without a writable store the list is shown as it stands. */
export async function expireDue(core: Core): Promise<void> {
  try {
    await core.gates.tick();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}

/** The store hears of retries now and then only; the book has counted them all. */
export function withRetries(core: Core, gate: GateRecord): GateRecord {
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
const undoWindow = (core: Core, { channel }: Caller): number => (UNDOABLE.has(channel) ? core.options.undoMs : 0);

const UNDOABLE: ReadonlySet<string> = new Set(['desktop', 'console', 'notification']);

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
