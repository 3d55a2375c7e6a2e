import { type Case, caseOf, textOf } from './cases.ts';
import { compare, type Verdict } from './compare.ts';
import { type Counts, createCounts } from './counts.ts';
import { type GovernedCore, startGovernedCore } from './governed-core.ts';
import { minimise } from './minimise.ts';

/** Running many cases: several at a time through one core, a fresh core now and then so that its home stays small. */

export interface Failure {
  readonly one: Case;
  readonly verdict: Verdict;
}

export interface Run {
  readonly counts: Counts;
  readonly failures: readonly Failure[];
}

export interface RunOptions {
  readonly seed: number;
  /** The numbers of the cases. */
  readonly indexes: readonly number[];
  /** Told after each core's share how many cases are done. */
  readonly progress?: (done: number, counts: Counts) => void;
}

const AT_ONCE = 24;
const PER_CORE = 4_000;

/** Run cases and collect those that fail, in the order of their numbers. */
export async function runCases({ seed, indexes, progress }: RunOptions): Promise<Run> {
  const counts = createCounts();
  const failures: Failure[] = [];
  for (let from = 0; from < indexes.length; from += PER_CORE) {
    const share = indexes.slice(from, from + PER_CORE);
    const core = await startGovernedCore();
    try {
      await inParallel(share, async (index) => {
        const one = caseOf(seed, index);
        const verdict = await compare(core, one);
        counts.add(one, verdict);
        if (verdict.faults.length > 0) failures.push({ one, verdict });
      });
    } finally {
      await core.close();
    }
    progress?.(from + share.length, counts);
  }
  return { counts, failures: failures.toSorted((a, b) => a.one.index - b.one.index) };
}

async function inParallel(indexes: readonly number[], work: (index: number) => Promise<void>): Promise<void> {
  const left = indexes.values();
  const worker = async (): Promise<void> => {
    for (const index of left) await work(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** A failure in words, with bytes as small as they could be made. */
export async function describeFailure(core: GovernedCore, { one, verdict }: Failure): Promise<string> {
  const [fault] = verdict.faults;
  let tries = 0;
  const smallest = await minimise(one, async (smaller) => {
    tries += 1;
    // A number of its own for each try: the core must not take it for the same request.
    const again = await compare(core, { ...smaller, seed: one.seed * 1_000 + tries });
    return (
      again.danger === verdict.danger &&
      again.faults.some(({ kind, delivery }) => kind === fault?.kind && delivery === fault.delivery)
    );
  });
  return [
    `seed ${one.seed}, case ${one.index}: ${one.format}, ${one.stream ? 'stream' : 'JSON'}, ${one.wire.contentType}, declares ${one.declares.join(' and ')}`,
    `kinds: ${one.kinds.join(' + ')}`,
    `direct: ${verdict.danger} (${verdict.readings.map(({ sdk, error }) => `${sdk}: ${error ?? 'reads it'}`).join('; ')})`,
    ...verdict.faults.map(({ kind, delivery, what }) => `${kind} in ${delivery}: ${what}`),
    'bytes, minimised:',
    textOf(smallest),
  ].join('\n');
}
