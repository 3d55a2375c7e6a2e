import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { ownText } from '../../../proxy-core/contract/own-text.ts';
import { promptArguments } from '../../../proxy-core/runs/prompt-call.ts';

const MIB = 1024 * 1024;

/** Bytes of the heap that hold what `make` returns eight times. */
function keptBy(make: (nth: number) => unknown): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 8 }, (_, nth) => make(nth));
  collect();
  const used = process.memoryUsage().heapUsed - before;
  expect(kept).toHaveLength(8);
  return used;
}

it('is the start of a text, whatever characters it is cut between', () => {
  expect([ownText('refund', 3), ownText('refund', 9), ownText('', 3), ownText('a\u{1f600}', 2)]).toEqual([
    'ref',
    'refund',
    '',
    'a\ud83d',
  ]);
});

it('lets go of the text that it is the start of, as arguments that are kept do', () => {
  const long = (nth: number): string => JSON.stringify({ prompt: `${nth}${'x'.repeat(2 * MIB)}` });
  expect(keptBy((nth) => ownText(long(nth), 4096))).toBeLessThan(8 * MIB);
  expect(keptBy((nth) => promptArguments(long(nth)))).toBeLessThan(8 * MIB);
});
