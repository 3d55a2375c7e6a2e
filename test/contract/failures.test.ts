import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FAILURES } from '../../proxy-core/contract/failures.ts';

const README = readFileSync(new URL('../../proxy-core/README.md', import.meta.url), 'utf8');
const ROW = /^\| `(\w+)` \| ([\d /]+) \| (never|after-change|later) \|/gm;

it('the README’s table of refusals and the code say the same, both ways', () => {
  const written = [...README.matchAll(ROW)].map(([, code, status, retry]) => [
    code,
    Number.parseInt(status ?? '', 10),
    retry,
  ]);
  const coded = Object.entries(FAILURES).map(([code, row]) => [code, row.status, row.retry]);
  const byCode = (a: readonly unknown[], b: readonly unknown[]): number => String(a[0]).localeCompare(String(b[0]));
  expect(written.sort(byCode)).toEqual(coded.sort(byCode));
});
