import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_PREFERENCES } from '../../proxy-core/contract/host.ts';
import type { Snapshot } from '../../proxy-core/contract/operations/core.ts';
import type { OperationInput, OperationName } from '../../proxy-core/contract/operations.ts';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import { type ConsoleState, loaded, STARTING } from '../../renderer/store/console-state.ts';
import { reduce } from '../../renderer/store/reduce.ts';
import { ask, type Caller, type GateBench, startGateBench, waitingOf } from '../exchange/gates/gate-bench.ts';
import { answering } from '../exchange/gates/provider-answers.ts';
import { answerAnything } from '../harness/answers.ts';
import { TEST_HOST } from '../harness/rungate.ts';

/** The console's start, and that it plus every event since is what a fresh start would show. */

const BY = { actor: 'operator', channel: 'console' };

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
beforeEach(() => bench.upstream.script(answering({ text: 'hello', calls: [] })));
afterAll(() => bench.close());

const snapshot = (): Promise<Snapshot> => bench.rungate.call('core.snapshot', {});

/** As the console does it: with an undo window. What is refused is refused. */
async function tryAs<N extends OperationName>(name: N, input: OperationInput<N>): Promise<void> {
  await bench.rungate.core.call(name, input, BY);
}

const waitingCaller = (): Promise<Caller> => bench.caller({ policy: 'asking', delivery: 'retry' });

async function openGate(caller: Caller, words: string): Promise<string> {
  return waitingOf(await ask(bench, caller, 'chat', { words })).gate_id;
}

describe('a snapshot', () => {
  it('holds gates until their agent has fetched what was approved, or was told no', async () => {
    const caller = await waitingCaller();
    const gateId = await openGate(caller, 'first');
    const shown = async (): Promise<string | undefined> =>
      (await snapshot()).gates.find(({ gate_id }) => gate_id === gateId)?.state;
    expect(await shown()).toBe('pending');
    await bench.rungate.call('gates.approve', { gate_id: gateId });
    expect(await shown()).toBe('approved');
    expect((await ask(bench, caller, 'chat', { words: 'first' })).status).toBe(200);
    expect(await shown()).toBeUndefined();
  });

  it('holds a rejection while it can be undone', async () => {
    const gateId = await openGate(await waitingCaller(), 'second');
    const shown = async (): Promise<string | undefined> =>
      (await snapshot()).gates.find(({ gate_id }) => gate_id === gateId)?.state;
    await tryAs('gates.reject', { gate_id: gateId });
    expect(await shown()).toBe('rejected');
    bench.rungate.advance(10_000);
    expect(await shown()).toBeUndefined();
  });

  it('hides no gate any more once it was decided, although the verdict is taken back', async () => {
    const gate_id = await openGate(await waitingCaller(), 'hidden');
    const { until } = await bench.rungate.call('gates.snooze', { gate_id, seconds: 300 });
    expect((await snapshot()).snoozed).toContainEqual({ gate_id, until });
    await tryAs('gates.approve', { gate_id });
    await tryAs('gates.undo', { gate_id });
    const { gates, snoozed } = await snapshot();
    expect(gates.find((gate) => gate.gate_id === gate_id)?.state).toBe('pending');
    expect(snoozed.map((one) => one.gate_id)).not.toContain(gate_id);
  });

  it('shows no gate as pending that is past its time', async () => {
    const gateId = await openGate(await waitingCaller(), 'third');
    bench.rungate.advance(3_600_000);
    const { cursor, gates } = await snapshot();
    expect(gates.map(({ gate_id }) => gate_id)).not.toContain(gateId);
    // The expiry was noticed by the snapshot itself, after its cursor: it is announced all the same.
    const expired = await bench.rungate.event('approval.expired', ({ body }) => gateOf(body)?.gate_id === gateId);
    expect(expired.seq).toBeGreaterThan(cursor.seq);
  });

  it('counts the calls that passed since midnight, and all runs', async () => {
    bench.upstream.script(answerAnything);
    const caller = await bench.caller({ policy: 'open' });
    const before = await snapshot();
    for (let n = 0; n < 3; n += 1) await ask(bench, caller, 'chat', { words: `call ${n}` });
    expect(await snapshot()).toMatchObject({
      calls_today: before.calls_today + 3,
      runs_total: before.runs_total + 1,
    });
    bench.rungate.advance(24 * 3_600_000);
    expect(await snapshot()).toMatchObject({ calls_today: 0, runs_total: before.runs_total + 1 });
  });

  it('tells what the host can do', async () => {
    const { host, status } = await snapshot();
    expect(host).toEqual(TEST_HOST.describe());
    expect(status).toEqual(await bench.rungate.call('core.status', {}));
  });
});

const gateOf = (body: object): GateRecord | null => ('gate' in body ? (body.gate as GateRecord) : null);

/** One thing that a person or an agent does. `gate` picks one of the gates that are there. */
type Act =
  | { readonly kind: 'open' }
  | { readonly kind: 'pause' | 'resume' | 'snapshot' }
  | { readonly kind: 'prefer'; readonly privacy: boolean }
  | { readonly kind: 'approve' | 'reject' | 'undo' | 'extend' | 'snooze'; readonly gate: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom<Act>(
    { kind: 'open' },
    { kind: 'pause' },
    { kind: 'resume' },
    { kind: 'snapshot' },
    { kind: 'snapshot' },
  ),
  fc.record({ kind: fc.constant('prefer' as const), privacy: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom('approve' as const, 'reject' as const, 'undo' as const, 'extend' as const, 'snooze' as const),
    gate: fc.nat({ max: 5 }),
  }),
);

describe('a console that follows from its snapshot', () => {
  /** The state of a console that loads now and follows; ends with the test. */
  async function startConsole(): Promise<() => ConsoleState> {
    const start = await snapshot();
    let state = loaded(STARTING, start, start.now);
    bench.rungate.core.follow(start.cursor, (item) => {
      if (item.kind === 'event') state = reduce(state, item.event);
      else throw new Error('a gap without a reason');
    });
    return () => state;
  }

  it('shows what a fresh snapshot shows, whenever it was loaded and whatever happened at once', async () => {
    let words = 0;
    const run = async (caller: Caller, gates: string[], consoles: (() => ConsoleState)[], one: Act): Promise<void> => {
      words += 1;
      switch (one.kind) {
        case 'open': {
          const answer = await ask(bench, caller, 'chat', { words: `words ${words}` });
          if (answer.status === 202) gates.push(waitingOf(answer).gate_id);
          return;
        }
        case 'snapshot':
          consoles.push(await startConsole());
          return;
        case 'pause':
          return tryAs('core.pause', {});
        case 'resume':
          return tryAs('core.resume', {});
        case 'prefer':
          return tryAs('preferences.set', {
            preferences: {
              ...DEFAULT_PREFERENCES,
              notifications: { ...DEFAULT_PREFERENCES.notifications, privacy: one.privacy },
            },
          });
        case 'approve':
        case 'reject':
        case 'undo':
        case 'extend':
        case 'snooze': {
          const gate_id = gates[one.gate % Math.max(1, gates.length)] ?? 'gate_none';
          const seconds = one.kind === 'extend' || one.kind === 'snooze' ? { seconds: 300 } : {};
          return tryAs(`gates.${one.kind}`, { gate_id, ...seconds } as never);
        }
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act, { minLength: 1, maxLength: 5 }), { maxLength: 8 }), async (rounds) => {
        const caller = await waitingCaller();
        const gates = [await openGate(caller, 'a'), await openGate(caller, 'b')];
        const consoles = [await startConsole()];
        for (const atOnce of rounds) await Promise.all(atOnce.map((one) => run(caller, gates, consoles, one)));
        await tryAs('core.resume', {});
        const fresh = await snapshot();
        for (const state of consoles) expect(essence(state())).toEqual(essence(loaded(STARTING, fresh, fresh.now)));
      }),
      { numRuns: 25 },
    );
  });
});

/** What a snapshot and the events agree on. Retries are counted without an event; decided gates stay until a reload. */
const essence = ({ gates, snoozed, status, preferences }: ConsoleState) => ({
  pending: [...gates.values()]
    .filter(({ state }) => state === 'pending')
    .map((gate) => ({ ...gate, retries: 0, last_retry_at: null }))
    .sort((a, b) => a.gate_id.localeCompare(b.gate_id)),
  snoozed: new Map(snoozed),
  paused: status?.paused,
  preferences,
});
