import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KINDS, SEED } from './cases.ts';
import { ALL, createCounts, type Row } from './counts.ts';
import { startGovernedCore } from './governed-core.ts';
import { renderResults } from './results.ts';
import { describeFailure, type Failure, runCases } from './run-cases.ts';

/**
 * `npm run differential -- --cases 100000 [--processes N] [--seed N] [--from N | --numbers N,N] [--shown N] [--faults FILE]
 * [--results FILE]`: see README.md beside this file.
 */

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    processes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(SEED) },
    from: { type: 'string', default: '0' },
    numbers: { type: 'string' },
    shown: { type: 'string', default: '10' },
    faults: { type: 'string' },
    results: { type: 'string' },
  },
});

/** What a process that ran a share of the cases tells the one that started it. */
interface Share {
  readonly rows: Readonly<Record<string, Row>>;
  readonly failures: readonly Failure[];
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seed = Number(values.seed);
const from = Number(values.from);
const indexes =
  values.numbers?.split(',').map(Number) ?? Array.from({ length: Number(values.cases) }, (_, i) => from + i);

async function runHere(): Promise<Share> {
  const begun = performance.now();
  const { counts, failures } = await runCases({
    seed,
    indexes,
    progress: (done, { rows }) => {
      const perSecond = (done / ((performance.now() - begun) / 1000)).toFixed(0);
      process.stderr.write(
        `${done} cases, ${rows[ALL]?.undecided} undecided, ${rows[ALL]?.refused} refused, ${perSecond}/s\n`,
      );
    },
  });
  return { rows: counts.rows, failures };
}

/** Share the cases out to processes of their own. */
async function runApart(processes: number): Promise<readonly Share[]> {
  const each = Math.ceil(indexes.length / processes);
  return Promise.all(
    Array.from({ length: processes }, (_, i) => {
      const share = indexes.slice(i * each, (i + 1) * each);
      const range = ['--from', String(share[0] ?? 0), '--cases', String(share.length)];
      const child = fork(new URL(import.meta.url), ['--seed', values.seed, ...range], { serialization: 'advanced' });
      return new Promise<Share>((resolve, reject) => {
        child.once('message', (message) => resolve(message as Share));
        child.once('exit', (code) => reject(new Error(`a process ended with ${code} before it had counted`)));
      });
    }),
  );
}

async function report(shares: readonly Share[]): Promise<void> {
  const counts = createCounts();
  for (const { rows } of shares) counts.addAll(rows);
  const failures = shares.flatMap((share) => share.failures);
  say(counts.table(KINDS));
  const facts = { seed, from, cases: indexes.length, seconds: performance.now() / 1000 };
  if (values.results !== undefined) writeFileSync(values.results, renderResults(facts, counts));
  if (values.faults !== undefined) writeFileSync(values.faults, failures.map(lineOf).join(''));
  // One for each fault and set of kinds, so that one hole does not hide the others.
  const distinct = new Map(failures.map((one) => [`${one.verdict.faults[0]?.kind} ${one.one.kinds.join()}`, one]));
  const core = await startGovernedCore();
  for (const failure of [...distinct.values()].slice(0, Number(values.shown))) {
    say(`\n${await describeFailure(core, failure)}`);
  }
  await core.close();
  say(`\n${indexes.length} cases of seed ${seed} from ${from}, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

const lineOf = ({ one, verdict }: Failure): string =>
  `${JSON.stringify({ case: one.index, kinds: one.kinds, danger: verdict.danger, faults: verdict.faults })}\n`;

if (process.send !== undefined) {
  const share = await runHere();
  process.send(share, undefined, undefined, () => process.disconnect());
} else {
  const processes = Number(values.processes);
  await report(processes === 1 || values.numbers !== undefined ? [await runHere()] : await runApart(processes));
}
