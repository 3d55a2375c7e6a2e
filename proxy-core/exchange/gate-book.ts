import type { Bus } from '../bus.ts';
import type { EventName } from '../contract/events.ts';
import type { GateRecord, GrantRecord, GrantScope } from '../contract/records.ts';
import { stateAt } from '../gates/states.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { By, GateOpening, KeptAnswer, Store, VerbOutput } from '../store/store.ts';
import { createGateRetries } from './gate-retries.ts';
import { makeId } from './make-id.ts';

/**
 * Every gate of every run that has not ended, in memory, so that a retry against a waiting gate costs a look-up.
 * The store decides (compare-and-set) and this book repeats what it decided; nobody is told before that is
 * durable. Expiry and the end of an undo window are instants, not timers: a timer only wakes the sleepers, so a
 * suspended machine or a moved clock changes nothing but when they are woken.
 */
export interface GateBook {
  /** The gate filed under a fingerprint, cancelled ones left out. */
  find(fingerprint: string): GateRecord | null;
  /** Whether a run has any gate, so that its requests need a fingerprint at all. */
  concerns(runId: string): boolean;
  byId(gateId: string): GateRecord | null;
  /** How many of an agent's gates wait for a person, those just being opened included. */
  pendingOf(agentId: string): number;
  /** An agent's runs that have gates, newest first. */
  runsOf(agentId: string): readonly string[];
  /** Durable when it resolves. `opened: false`: another gate of this fingerprint came first and stands. */
  open(
    gate: GateOpening,
    answer: KeptAnswer | null,
    replacesExpired: boolean,
  ): Promise<{ readonly opened: boolean; readonly gate: GateRecord }>;
  /** Resolves when agents no longer see the gate as pending, or when `signal` aborts. */
  whenSettled(gateId: string, signal: AbortSignal): Promise<void>;
  /** A retry met the waiting gate. */
  noteRetry(gateId: string): void;
  /** The time between the last two retries of a gate, ms; null when there were none. */
  retryGap(gateId: string): number | null;
  /** The grants in force now. */
  grants(): readonly GrantRecord[];
  decide(input: Decision): Promise<Decided>;
  undo(gateId: string, by: By): Promise<GateRecord | null>;
  /** Withdraw an approval that no agent has been given. */
  revoke(gateId: string, reason: string | null, by: By): Promise<VerbOutput<'revokeGate'>>;
  extend(gateId: string, ms: number, by: By): Promise<GateRecord | null>;
  cancel(gateId: string, why: string, by: By): Promise<GateRecord | null>;
  /** Nobody has come for a pending gate for too long, or somebody has again. */
  agentGone(gateId: string, gone: boolean): Promise<void>;
  /** Remember an approval that was given before. */
  remember(gateId: string, remember: Remember, by: By): Promise<Remembered>;
  revokeGrant(grantId: string, by: By): Promise<GrantRecord | null>;
  /**
   * The approved answer is about to go to the agent. Durable when it resolves; false: the approval was revoked before, nothing
   * may go, and the book knows.
   */
  release(gateId: string): Promise<boolean>;
  /** The approved answer has gone to the agent. */
  released(gateId: string, at: number): void;
  /** Read again what a run's end or its agent's revocation has cancelled, and wake who waits. */
  reread(runId: string): void;
  /** Look at the clock now: after a sleep, a resume or a change of the clock. */
  tick(): Promise<void>;
  close(): void;
}

/** A reviewer's verdict on a gate; `undoMs` is how long it can be taken back. */
export interface Decision {
  readonly gateId: string;
  readonly verdict: 'approved' | 'rejected';
  readonly reason: string | null;
  readonly suggestedArgs: unknown;
  /** What the reviewer saw; null from channels that show the gate as it is stored. */
  readonly actionHash: string | null;
  readonly remember: { readonly scope: GrantScope; readonly forMs: number | null } | null;
  readonly undoMs: number;
  readonly by: By;
}

/** What became of a verdict: the first reviewer wins, and one on another action than was seen counts for nothing. */
export type Decided =
  | { readonly kind: 'decided'; readonly gate: GateRecord; readonly grant: GrantRecord | null }
  | { readonly kind: 'already_resolved'; readonly gate: GateRecord }
  | { readonly kind: 'changed'; readonly gate: GateRecord }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'not_grantable'; readonly reason: string };

/** What became of the wish to remember an approval. */
export type Remembered =
  | { readonly kind: 'remembered'; readonly grant: GrantRecord }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'not_approved'; readonly gate: GateRecord }
  | { readonly kind: 'not_grantable'; readonly reason: string };

interface Lent {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The grant that remembering this approval makes, or why none may be made (gates/grants.ts). */
  offer(gate: GateRecord, remember: Remember, by: By, at: number): Offer;
}

type Remember = NonNullable<Decision['remember']>;

/** The grant that remembering an approval makes, or why none may be made. */
export type Offer =
  | { readonly kind: 'granted'; readonly grant: Omit<GrantRecord, 'grant_id' | 'used' | 'revoked_at'> }
  | { readonly kind: 'not_grantable'; readonly reason: string };

/** Longest time between two looks at the clock while somebody waits. */
const LOOK_MS = 15_000;

/** A book over the store's gates. `close` it: it keeps a timer while gates are pending. */
export function createGateBook(lent: Lent): GateBook {
  const { store, bus, clock, log } = lent;
  const gates = new Map<string, GateRecord>();
  const byPrint = new Map<string, string>();
  const runs = new Map<string, Set<string>>();
  const sleepers = new Map<string, Set<() => void>>();
  const opening = new Map<string, number>();
  let held: readonly GrantRecord[] = store.read.grants(clock.now());
  let timer: NodeJS.Timeout | null = null;

  const isPending = (gate: GateRecord): boolean => stateAt(gate, clock.now()) === 'pending';

  const put = (gate: GateRecord): GateRecord => {
    gates.set(gate.gate_id, gate);
    if (gate.state !== 'cancelled') byPrint.set(gate.fingerprint, gate.gate_id);
    else if (byPrint.get(gate.fingerprint) === gate.gate_id) byPrint.delete(gate.fingerprint);
    runs.set(gate.run_id, (runs.get(gate.run_id) ?? new Set()).add(gate.gate_id));
    if (!isPending(gate)) wake(gate.gate_id);
    schedule();
    return gate;
  };
  const wake = (gateId: string): void => {
    for (const sleeper of sleepers.get(gateId) ?? []) sleeper();
    sleepers.delete(gateId);
  };

  /** Sleep until the next instant that changes what agents see. */
  const schedule = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const gate of gates.values()) {
      if (gate.state === 'pending') next = Math.min(next, gate.expires_at);
      else if (gate.effective_at !== null && gate.effective_at > now) next = Math.min(next, gate.effective_at);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, Math.min(next - now, LOOK_MS));
    timer = setTimeout(
      () => void tick().catch((error: unknown) => log.error('gates.tick_failed', { error: String(error) })),
      wait,
    );
    timer.unref();
  };

  const tick = async (): Promise<void> => {
    const now = clock.now();
    for (const gate of gates.values()) if (gate.state !== 'pending' && !isPending(gate)) wake(gate.gate_id);
    const due = [...gates.values()].some((gate) => gate.state === 'pending' && gate.expires_at <= now);
    if (due) {
      const { gates: expired } = await store.write('expireGates', { at: now }).durable;
      for (const gate of expired) announce('approval.expired', put(gate));
    }
    schedule();
  };

  const announce = (name: EventName & `approval.${string}`, gate: GateRecord): void => bus.publish(name, { gate });
  const retries = createGateRetries(clock, (gateId) => {
    const gate = gates.get(gateId);
    if (gate !== undefined) announce('approval.changed', gate);
  });

  /** Repeat what the store has found a gate to be: a verb on a gate that is past its time has expired it. */
  const learn = (gate: GateRecord): void => {
    const before = gates.get(gate.gate_id)?.state;
    put(gate);
    if (before === undefined || before === gate.state) return;
    if (gate.state === 'cancelled') announce('approval.cancelled', gate);
    if (gate.state === 'expired' && before === 'pending') announce('approval.expired', gate);
  };

  const readAnew = (gateId: string): void => {
    const gate = store.read.gate(gateId);
    if (gate !== null && gate.state !== gates.get(gateId)?.state) learn(gate);
  };

  const noteReleased = (gateId: string, at: number): void => {
    const gate = gates.get(gateId);
    if (gate === undefined || gate.released_at !== null) return;
    const gone = { ...gate, released_at: at };
    gates.set(gateId, gone);
    announce('approval.changed', gone);
  };

  for (const gate of store.read.liveGates()) put(gate);

  return {
    tick,
    byId: (gateId) => gates.get(gateId) ?? store.read.gate(gateId),
    find(fingerprint) {
      const gateId = byPrint.get(fingerprint);
      return gateId === undefined ? null : (gates.get(gateId) ?? null);
    },
    concerns: (runId) => runs.has(runId),
    pendingOf(agentId) {
      let pending = opening.get(agentId) ?? 0;
      for (const gate of gates.values()) if (gate.agent_id === agentId && isPending(gate)) pending += 1;
      return pending;
    },
    runsOf(agentId) {
      const own = [...gates.values()].filter((gate) => gate.agent_id === agentId).map((gate) => gate.run_id);
      return [...new Set(own.reverse())];
    },
    grants: () => {
      const now = clock.now();
      return held.filter((grant) => grant.expires_at === null || grant.expires_at > now);
    },
    async open(gate, answer, replacesExpired) {
      opening.set(gate.agentId, (opening.get(gate.agentId) ?? 0) + 1);
      const opened = store.write('openGate', { at: clock.now(), gate, answer, replacesExpired }).durable;
      const result = await opened.finally(() => {
        const others = (opening.get(gate.agentId) ?? 1) - 1;
        if (others > 0) opening.set(gate.agentId, others);
        else opening.delete(gate.agentId);
      });
      // Whoever saw it in the store may have decided it already: that verdict stands.
      if (!gates.has(result.gate.gate_id)) put(result.gate);
      if (result.opened) announce('approval.pending', result.gate);
      return result;
    },
    whenSettled(gateId, signal) {
      const gate = gates.get(gateId);
      if (gate === undefined || !isPending(gate) || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const sleeping = sleepers.get(gateId) ?? new Set();
        sleepers.set(gateId, sleeping.add(resolve));
        signal.addEventListener('abort', () => {
          sleeping.delete(resolve);
          resolve();
        });
      });
    },
    noteRetry(gateId) {
      const gate = gates.get(gateId);
      if (gate === undefined) return;
      const at = clock.now();
      const count = gate.retries + 1;
      gates.set(gateId, { ...gate, retries: count, last_retry_at: at });
      retries.note(gateId, at - (gate.last_retry_at ?? gate.created_at));
      // Every retry would be a write a poller can cause at will; the count on disk may lag by a few.
      if (count === 1 || count % 16 === 0) {
        store.write('noteRetries', { gateId, retries: count, lastRetryAt: at }).committed.catch(() => undefined);
      }
    },
    retryGap: retries.gapOf,
    async decide(input) {
      const gate = gates.get(input.gateId) ?? store.read.gate(input.gateId);
      if (gate === null) return { kind: 'not_found' };
      const at = clock.now();
      const wanted = input.remember === null ? null : lent.offer(gate, input.remember, input.by, at + input.undoMs);
      if (wanted !== null && wanted.kind === 'not_grantable') return wanted;
      const grant = wanted === null ? null : { ...wanted.grant, grant_id: makeId('grant', lent) };
      const result = await store.write('decideGate', {
        at,
        gateId: input.gateId,
        verdict: input.verdict,
        effectiveAt: at + input.undoMs,
        reason: input.reason,
        suggestedArgs: input.suggestedArgs,
        actionHash: input.actionHash,
        grant,
        by: input.by,
      }).durable;
      if (result.kind === 'not_found') return result;
      if (result.kind === 'decided') {
        if (grant !== null) {
          held = store.read.grants(at);
          bus.publish('grants.changed', {});
        }
        announce(`approval.${input.verdict}`, put(result.gate));
        return {
          kind: 'decided',
          gate: result.gate,
          grant: grant === null ? null : { ...grant, used: 0, revoked_at: null },
        };
      }
      learn(result.gate);
      return result;
    },
    async undo(gateId, by) {
      const at = clock.now();
      const { undone, gate } = await store.write('undoGate', { at, gateId, by }).durable;
      if (!undone || gate === null) return null;
      // What the verdict remembered was revoked with it.
      held = store.read.grants(at);
      bus.publish('grants.changed', {});
      announce(gate.state === 'expired' ? 'approval.expired' : 'approval.changed', put(gate));
      return gate;
    },
    async revoke(gateId, reason, by) {
      const at = clock.now();
      const result = await store.write('revokeGate', { at, gateId, reason, by }).durable;
      if (result.kind === 'not_found') return result;
      if (result.kind === 'too_late') {
        learn(result.gate);
        return result;
      }
      // What the approval remembered was revoked with it.
      held = store.read.grants(at);
      bus.publish('grants.changed', {});
      learn(result.gate);
      return result;
    },
    async extend(gateId, ms, by) {
      const gate = gates.get(gateId);
      if (gate === undefined) return null;
      const at = clock.now();
      const expiresAt = Math.max(gate.expires_at, at) + ms;
      const result = await store.write('extendGate', { at, gateId, expiresAt, by }).durable;
      if (result.gate === null) return null;
      learn(result.gate);
      if (!result.extended) return null;
      announce('approval.changed', result.gate);
      return result.gate;
    },
    async cancel(gateId, why, by) {
      const { cancelled, gate } = await store.write('cancelGate', { at: clock.now(), gateId, why, by }).durable;
      if (gate === null) return null;
      learn(gate);
      return cancelled ? gate : null;
    },
    async agentGone(gateId, gone) {
      const by = { actor: 'system', channel: 'proxy' };
      const { changed, gate } = await store.write('noteAgentGone', { at: clock.now(), gateId, gone, by }).durable;
      if (gate === null) return;
      learn(gate);
      if (changed) announce('approval.changed', gate);
    },
    async remember(gateId, wish, by) {
      const gate = gates.get(gateId) ?? store.read.gate(gateId);
      if (gate === null) return { kind: 'not_found' };
      if (gate.state !== 'approved') return { kind: 'not_approved', gate };
      const at = clock.now();
      // An approval that can still be undone has no effect yet, so what it remembers has none either.
      const wanted = lent.offer(gate, wish, by, Math.max(at, gate.effective_at ?? at));
      if (wanted.kind === 'not_grantable') return wanted;
      const same = held.find((grant) => isSameGrant(grant, wanted.grant));
      if (same !== undefined) return { kind: 'remembered', grant: same };
      const grant = { ...wanted.grant, grant_id: makeId('grant', lent) };
      const added = await store.write('addGrant', { at, grant, by }).durable;
      if (added.grant === null)
        return { kind: 'not_grantable', reason: 'Its run has ended or its agent has no access.' };
      held = store.read.grants(at);
      bus.publish('grants.changed', {});
      return { kind: 'remembered', grant: added.grant };
    },
    async revokeGrant(grantId, by) {
      const at = clock.now();
      const { grant } = await store.write('revokeGrant', { at, grantId, by }).durable;
      held = store.read.grants(at);
      bus.publish('grants.changed', {});
      return grant;
    },
    async release(gateId) {
      const at = clock.now();
      const { released } = await store.write('releaseGate', { at, gateId }).durable;
      if (released) noteReleased(gateId, at);
      else readAnew(gateId);
      return released;
    },
    released: noteReleased,
    reread(runId) {
      for (const gateId of runs.get(runId) ?? []) readAnew(gateId);
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      retries.close();
      for (const gateId of sleepers.keys()) wake(gateId);
    },
  };
}

/** A grant that says the same and holds as long: one for a time is a new one each time. */
const isSameGrant = (grant: GrantRecord, wanted: Omit<GrantRecord, 'grant_id' | 'used' | 'revoked_at'>): boolean =>
  wanted.expires_at === null &&
  grant.expires_at === null &&
  grant.scope === wanted.scope &&
  grant.agent_id === wanted.agent_id &&
  grant.run_id === wanted.run_id &&
  grant.rule === wanted.rule &&
  grant.policy === wanted.policy &&
  grant.matcher.tool === wanted.matcher.tool &&
  grant.matcher.args_sha256 === wanted.matcher.args_sha256;
