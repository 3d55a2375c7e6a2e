import { createClient } from '../../../proxy-core/contract/client.ts';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import { BadInput, type Command, command, printed, refused } from '../command.ts';
import { connectCore } from '../connection.ts';
import { renderFields, renderRecord, renderTime } from '../output.ts';

/** Removing the traces of years takes its time: it lets every call go first. */
const PATIENCE_MS = 6 * 3_600_000;

const status = command({
  name: 'retention',
  operands: ['[status]'],
  about: 'Show how large the store is, what of it is traces, and when those are removed.',
  options: {},
  async run({ operands: [word], call }) {
    if (word !== undefined && word !== 'status')
      throw new BadInput(`\`rungate retention\` knows status and purge, not \`${word}\``);
    return printed(await call('retention.status', {}), (value) => ({
      json: renderRecord(value),
      text: renderStatus(value),
    }));
  },
});

const purge = command({
  name: 'retention purge',
  operands: [],
  about:
    'Remove traces of ended and silent runs (steps, requests, answers, artifacts); records, budgets, gates and audit stay.',
  options: {
    days: { type: 'string', value: 'N', about: 'Of runs that ended, or were last active, longer ago than this.' },
    'max-gb': { type: 'string', value: 'X', about: 'Of the longest quiet, until the store is no larger.' },
    'dry-run': { type: 'boolean', about: 'Only say what it would do.' },
  },
  async run({ options, home, note, call, program }) {
    const limits = {
      ...(options.days === undefined ? {} : { days: parseDecimal('--days', options.days) }),
      ...(options['max-gb'] === undefined ? {} : { max_gb: parseDecimal('--max-gb', options['max-gb']) }),
    };
    if (Object.keys(limits).length === 0) throw new BadInput('`rungate retention purge` needs --days N or --max-gb X');
    const plan = await call('retention.purge', { ...limits, dry_run: true });
    if (!plan.ok) return refused(plan.failure);
    if (options['dry-run'] || plan.value.runs === 0)
      return { kind: 'printed', json: { ...plan.value, dry_run: true }, text: renderPlan(plan.value, program.here) };
    note(renderPlan(plan.value, program.here));
    const client = createClient(connectCore(home, PATIENCE_MS));
    return printed(await client.call('retention.purge', limits), (value) => ({
      json: { ...value, dry_run: false },
      text: `Removed the traces of ${runsOf(value)}: ${showBytes(value.bytes_before)} before, ${showBytes(value.bytes_after)} after.`,
    }));
  },
});

/** How long traces are kept. */
export const retentionCommands: readonly Command[] = [status, purge];

type Purged = OperationOutput<'retention.purge'>;

const runsOf = ({ runs }: Purged): string => `${runs} ${runs === 1 ? 'run' : 'runs'}`;

function renderPlan(plan: Purged, program: string): string {
  const { runs, bytes_before, bytes_after } = plan;
  if (runs === 0) return `No trace to remove: ${showBytes(bytes_before)} in use.`;
  return [
    `The traces of ${runsOf(plan)}: ${showBytes(bytes_before)} now, about ${showBytes(bytes_after)} without them.`,
    `To keep a copy, export first: ${program} export --since 365d --format bundle --out DIR`,
  ].join('\n');
}

const renderStatus = (value: OperationOutput<'retention.status'>): string =>
  renderFields([
    ['Store', showBytes(value.store_bytes)],
    ['Traces', showBytes(value.trace_bytes)],
    ['Audit', `${showBytes(value.audit_bytes)}, always kept`],
    ['Oldest trace', renderTime(value.oldest_run_at)],
    ['Kept for', value.days === null ? 'ever' : `${value.days} days after a run ended or was last active`],
    ['At most', value.max_gb === null ? 'no limit' : `${value.max_gb} GB`],
  ]);

/** `512 B`, `1.2 MB`, `3.4 GB`: decimal units, as `--max-gb` counts them. */
function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** A number that is not negative, as typed. Throws BadInput for anything else. */
function parseDecimal(option: string, text: string): number {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text)) throw new BadInput(`\`${option}\` needs a number such as 30 or 2.5`);
  return Number(text);
}
