import { describe, expect, it } from 'vitest';
import { failure } from '../../../proxy-core/contract/failures.ts';
import { type AskRuns, createRunList, type Later, type RunQuestion } from '../../../renderer/screens/runs/run-list.ts';
import { rowAt } from '../../../renderer/screens/runs/run-window.ts';
import { runRecord } from './runs-records.ts';

/** A core with so many runs, latest first, that answers when it is told to. */
function scriptedCore(total: number) {
  const asked: { readonly question: RunQuestion; answer(): void; fail(): void }[] = [];
  const state = { total, extra: [] as string[] };
  const ask: AskRuns = (question) =>
    new Promise((resolve) => {
      const { offset = 0, limit = 50, ids, as_of = 9_000 } = question;
      const answer = (): void => {
        const known = Array.from({ length: state.total }, (_, at) =>
          runRecord({ run_id: `run-${at}`, started_at: 5_000 }),
        );
        const extra = state.extra.map((run_id) => runRecord({ run_id, started_at: 9_500 }));
        const runs =
          ids === undefined
            ? known.slice(offset, offset + limit)
            : [...known, ...extra].filter(({ run_id }) => ids.includes(run_id));
        resolve({ ok: true, value: { runs: runs.map((run) => ({ ...run, steps: 7 })), total: state.total, as_of } });
      };
      const fail = (): void => resolve({ ok: false, failure: failure('store_unavailable', 'The store is closed.') });
      asked.push({ question, answer, fail });
    });
  return { asked, ask, state };
}

/** Timers that run when they are told to. */
function manualTimers() {
  const waiting: { readonly after: number; readonly work: () => void }[] = [];
  const later: Later = (after, work) => {
    const timer = { after, work };
    waiting.push(timer);
    return () => void waiting.splice(waiting.indexOf(timer), 1);
  };
  const run = (): void => {
    for (const { work } of waiting.splice(0)) work();
  };
  return { later, run, waiting };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

describe('the live list of runs', () => {
  const open = async (total: number) => {
    const core = scriptedCore(total);
    const timers = manualTimers();
    const list = createRunList(core.ask, timers.later);
    list.find({ states: ['open'] });
    core.asked[0]?.answer();
    await settle();
    return { ...core, ...timers, list };
  };

  it('asks for the first page, then for what is looked at, all as of one instant', async () => {
    const { list, asked, run } = await open(1_000);
    list.look(0, 20);
    list.look(500, 520);
    run();
    expect(asked.map(({ question }) => [question.offset, question.as_of])).toEqual([
      [0, undefined],
      [500, 9_000],
    ]);
    asked[1]?.answer();
    await settle();
    expect(rowAt(list.current().window, 510)?.run_id).toBe('run-510');
  });

  it('drops the answer of a filter that was replaced meanwhile', async () => {
    const { list, asked } = await open(1_000);
    list.find({ text: 'a' });
    list.find({ text: 'ab' });
    asked[2]?.answer();
    asked[1]?.fail();
    await settle();
    expect(list.current().failure).toBeNull();
    expect(list.current().loading).toBe(false);
    expect(asked[2]?.question.text).toBe('ab');
  });

  it('keeps the rows of the filter before until the new answer is there', async () => {
    const { list } = await open(1_000);
    list.find({ text: 'a' });
    expect(list.current().loading).toBe(true);
    expect(rowAt(list.current().window, 0)?.run_id).toBe('run-0');
  });

  it('gathers changes and asks for them at most once per quarter of a second', async () => {
    const { list, asked, run, waiting } = await open(1_000);
    for (let change = 0; change < 50; change += 1) list.changed(['run-3']);
    expect(waiting.map(({ after }) => after)).toEqual([250]);
    expect(asked).toHaveLength(1);
    run();
    await settle();
    expect(asked).toHaveLength(2);
    expect(asked[1]?.question).toEqual({ ids: ['run-3'], limit: 1 });
    asked[1]?.answer();
    await settle();
    expect(rowAt(list.current().window, 3)?.steps).toBe(7);
  });

  it('counts a new run that matches the filter and puts it into the list only on request', async () => {
    const { list, asked, run, state } = await open(1_000);
    state.extra = ['newcomer'];
    list.changed(['newcomer']);
    run();
    expect(asked[1]?.question).toEqual({ states: ['open'], ids: ['newcomer'], limit: 1 });
    asked[1]?.answer();
    await settle();
    expect([...list.current().window.fresh]).toEqual(['newcomer']);
    expect(rowAt(list.current().window, 0)?.run_id).toBe('run-0');
    list.renew();
    asked[2]?.answer();
    await settle();
    expect(list.current().window.fresh.size).toBe(0);
  });

  it('shows the first run of an empty list at once: nothing can jump', async () => {
    const { list, asked, run, state } = await open(0);
    state.extra = ['first'];
    list.changed(['first']);
    run();
    asked[1]?.answer();
    await settle();
    expect(asked[2]?.question.offset).toBe(0);
    expect(asked[2]?.question.ids).toBeUndefined();
  });

  it('says why it could not load, and tries the page again when it is looked at again', async () => {
    const { list, asked, run } = await open(1_000);
    list.look(200, 210);
    run();
    asked[1]?.fail();
    await settle();
    expect(list.current().failure?.code).toBe('store_unavailable');
    list.look(200, 210);
    run();
    asked[2]?.answer();
    await settle();
    expect(list.current().failure).toBeNull();
    expect(rowAt(list.current().window, 205)?.run_id).toBe('run-205');
  });
});
