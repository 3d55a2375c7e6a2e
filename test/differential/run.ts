import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KINDS, SEED } from './cases.ts';
import { startGovernedCore } from './governed-core.ts';
import { describeFailure, runCases } from './run-cases.ts';

/** `npm run differential -- --cases 100000 [--seed N] [--from N] [--shown N] [--faults FILE]`: see README.md beside this file. */

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(SEED) },
    from: { type: 'string', default: '0' },
    shown: { type: 'string', default: '10' },
    faults: { type: 'string' },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const from = Number(values.from);
const seed = Number(values.seed);
const begun = performance.now();
const indexes = Array.from({ length: Number(values.cases) }, (_, i) => from + i);
const { counts, failures } = await runCases({
  seed,
  indexes,
  progress: (done, { total }) =>
    process.stderr.write(
      `${done} cases, ${total.undecided} undecided, ${total.refused} refused, ${(done / ((performance.now() - begun) / 1000)).toFixed(0)}/s\n`,
    ),
});
say(counts.table(KINDS));
if (values.faults !== undefined) {
  const lines = failures.map(({ one, verdict }) =>
    JSON.stringify({ case: one.index, kinds: one.kinds, faults: verdict.faults }),
  );
  writeFileSync(values.faults, `${lines.join('\n')}\n`);
}
/** One of each kind of fault and set of kinds, so that one hole does not hide the others. */
const shown = new Map(failures.map((f) => [`${f.verdict.faults[0]?.kind} ${f.one.kinds.join()}`, f]));
const core = await startGovernedCore();
for (const failure of [...shown.values()].slice(0, Number(values.shown)))
  say(`\n${await describeFailure(core, failure)}`);
await core.close();
say(`\n${indexes.length} cases of seed ${seed} from ${from}, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
