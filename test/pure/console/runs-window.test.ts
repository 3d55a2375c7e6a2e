import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_WINDOW,
  firstPage,
  missingPages,
  PAGE_ROWS,
  rowAt,
  rowOf,
  withChanged,
  withFresh,
  withPage,
} from '../../../renderer/screens/runs/run-window.ts';
import { runRecord } from './runs-records.ts';

const page = (number: number, count = PAGE_ROWS) =>
  Array.from({ length: count }, (_, at) => runRecord({ run_id: `run-${number * PAGE_ROWS + at}`, started_at: 5_000 }));

describe('the window on the list of runs', () => {
  it('knows the rows of loaded pages and no others', () => {
    const window = withPage(firstPage(page(0), 1_000, 9_000), 3, page(3), 1_000);
    expect(rowAt(window, 5)?.run_id).toBe('run-5');
    expect(rowAt(window, 350)?.run_id).toBe('run-350');
    expect(rowAt(window, 150)).toBeNull();
    expect(rowOf(window, 'run-350')).toBe(350);
    expect(rowOf(window, 'run-150')).toBeNull();
  });

  it('asks for exactly the pages that rows in view need, never twice and never beyond the end', () => {
    const window = firstPage(page(0), 450, 9_000);
    expect(missingPages(window, 0, 50, new Set())).toEqual([]);
    expect(missingPages(window, 90, 210, new Set())).toEqual([1, 2]);
    expect(missingPages(window, 90, 210, new Set([1]))).toEqual([2]);
    expect(missingPages(window, 440, 9_999, new Set())).toEqual([4]);
    expect(missingPages(EMPTY_WINDOW, 0, 50, new Set())).toEqual([]);
  });

  it('changes rows where they stand, whatever becomes of them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(PAGE_ROWS * 2 - 1), { maxLength: 20 }), (changed) => {
        const window = withPage(firstPage(page(0), 200, 9_000), 1, page(1), 200);
        const records = changed.map((row) => runRecord({ run_id: `run-${row}`, started_at: 99_999, state: 'stopped' }));
        const after = withChanged(window, records);
        for (let row = 0; row < 200; row += 1) {
          expect(rowAt(after, row)?.run_id).toBe(`run-${row}`);
          expect(rowAt(after, row)?.state).toBe(changed.includes(row) ? 'stopped' : 'open');
        }
      }),
    );
  });

  it('is the same object when nothing in it has changed, so that nothing is drawn again', () => {
    const window = firstPage(page(0), 1_000, 9_000);
    expect(withChanged(window, [runRecord({ run_id: 'elsewhere' })])).toBe(window);
    expect(withFresh(window, [])).toBe(window);
  });

  it('notes runs that began after the list was frozen, once, and leaves the rows alone', () => {
    const window = firstPage(page(0), 1_000, 9_000);
    const late = runRecord({ run_id: 'late', started_at: 9_001 });
    const after = withFresh(withFresh(window, [late]), [late]);
    expect([...after.fresh]).toEqual(['late']);
    expect(rowAt(after, 0)?.run_id).toBe('run-0');
    expect(after.total).toBe(1_000);
  });

  it('takes an older run for new only where the whole list is known', () => {
    const older = runRecord({ run_id: 'older', started_at: 10 });
    expect(withFresh(firstPage(page(0), 1_000, 9_000), [older]).fresh.size).toBe(0);
    expect(withFresh(firstPage(page(0, 7), 7, 9_000), [older]).fresh.size).toBe(1);
  });
});
