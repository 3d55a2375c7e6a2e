import { expect, it } from 'vitest';
import type { EventBody, EventName, PublishedEvent } from '../../../proxy-core/contract/events.ts';
import { DEFAULT_PREFERENCES } from '../../../proxy-core/contract/host.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { type ConsoleState, STARTING } from '../../../renderer/store/console-state.ts';
import { countPending } from '../../../renderer/store/pending.ts';
import { reduce } from '../../../renderer/store/reduce.ts';

const event = <N extends EventName>(seq: number, name: N, body: EventBody<N>): PublishedEvent => ({
  seq,
  at: seq,
  name,
  body,
});

const gate = (gateId: string, state: GateRecord['state'] = 'pending'): GateRecord =>
  ({ gate_id: gateId, state, agent: 'bot', rule: 'r', expires_at: 1, agent_gone_at: null }) as GateRecord;

const after = (...events: readonly PublishedEvent[]): ConsoleState => events.reduce(reduce, STARTING);

it('counts a gate until it is decided, and not while it is snoozed', () => {
  const waiting = after(
    event(1, 'approval.pending', { gate: gate('g1') }),
    event(2, 'approval.pending', { gate: gate('g2') }),
  );
  expect(countPending(waiting)).toBe(2);
  const snoozed = reduce(waiting, event(3, 'approval.snoozed', { gate_id: 'g1', until: 9 }));
  expect(countPending(snoozed)).toBe(1);
  expect(countPending(reduce(snoozed, event(4, 'approval.snoozed', { gate_id: 'g1', until: null })))).toBe(2);
  expect(countPending(reduce(snoozed, event(4, 'approval.approved', { gate: gate('g2', 'approved') })))).toBe(0);
});

it('ends a snooze with the gate’s verdict, so that an undo shows it again', () => {
  const state = after(
    event(1, 'approval.pending', { gate: gate('g1') }),
    event(2, 'approval.snoozed', { gate_id: 'g1', until: 9 }),
    event(3, 'approval.rejected', { gate: gate('g1', 'rejected') }),
    event(4, 'approval.changed', { gate: gate('g1') }),
  );
  expect(countPending(state)).toBe(1);
});

it('shows an event that came twice once', () => {
  const pending = event(1, 'approval.pending', { gate: gate('g1') });
  const twice = after(pending, pending);
  expect(twice.gates).toEqual(after(pending).gates);
  expect(countPending(twice)).toBe(1);
});

it('names the runs that changed, latest last, and keeps only so many', () => {
  const many = Array.from({ length: 600 }, (_, index) => event(index + 1, 'run.changed', { run_id: `run_${index}` }));
  const state = [...many, event(601, 'run.changed', { run_id: 'run_599' })].reduce(reduce, STARTING);
  expect(state.changedRuns.size).toBe(500);
  expect([...state.changedRuns].at(-1)).toEqual(['run_599', 601]);
  expect(state.changedRuns.has('run_0')).toBe(false);
});

it('takes preferences from the core only', () => {
  const preferences = {
    ...DEFAULT_PREFERENCES,
    appearance: { ...DEFAULT_PREFERENCES.appearance, theme: 'dark' as const },
  };
  expect(after(event(1, 'preferences.changed', { preferences })).preferences.appearance.theme).toBe('dark');
});

it('keeps a banner for a notice that could not be shown until it is withdrawn', () => {
  const notice = {
    notice_id: 'n1',
    kind: 'gate',
    gate_id: 'g1',
    action_hash: null,
    title: 't',
    body: 'b',
    risk: null,
    silent: false,
  } as const;
  const failed = after(event(1, 'notice.failed', { notice, detail: 'unsigned' }));
  expect(failed.notices).toHaveLength(1);
  expect(reduce(failed, event(2, 'notice.withdrawn', { notice_id: 'n1', gate_id: 'g1' })).notices).toEqual([]);
});

it('forgets an export that is done', () => {
  const half = after(event(1, 'export.progress', { export_id: 'exp_12345678', done: 1, of: 2 }));
  expect(half.exports.get('exp_12345678')).toEqual({ done: 1, of: 2 });
  expect(reduce(half, event(2, 'export.progress', { export_id: 'exp_12345678', done: 2, of: 2 })).exports.size).toBe(0);
});
