import type { GrantRecord } from '../../../proxy-core/contract/records.ts';
import { GATE_STATES, GRANT_SCOPES } from '../../../proxy-core/contract/records.ts';
import { parseCount, parseDuration } from '../amounts.ts';
import { BadInput, type Command, command, printed } from '../command.ts';
import { renderGate, renderGateJson, renderGates, summarise } from '../gate-text.ts';
import { readJsonFile } from '../json-file.ts';
import { renderRecord } from '../output.ts';

const list = command({
  name: 'gates',
  listed: true,
  operands: [],
  about: 'List approval gates, newest first.',
  options: {
    state: { type: 'string', value: GATE_STATES.join('|'), about: 'Only gates in this state.' },
    run: { type: 'string', value: 'ID', about: 'Only gates of this run.' },
    limit: { type: 'string', value: 'N', about: 'At most this many (50, up to 500).' },
    cursor: { type: 'string', value: 'CURSOR', about: 'Continue a list: `next` of the page before.' },
  },
  async run({ options, call, program }) {
    const { run, cursor } = options;
    const state = GATE_STATES.find((each) => each === options.state);
    const reply = await call('gates.list', {
      limit: parseCount('--limit', options.limit, { min: 1, max: 500 }) ?? 50,
      ...(state === undefined ? {} : { states: [state] }),
      ...(run === undefined ? {} : { run_id: run }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return printed(reply, ({ gates, next }) => ({
      json: { gates: gates.map(renderGateJson), next },
      text: renderGates(gates, next, program.here),
    }));
  },
});

const show = command({
  name: 'gates show',
  operands: ['GATE'],
  about: 'Show one gate with its complete actions.',
  options: {},
  async run({ operands: [gateId = ''], call, program }) {
    return printed(await call('gates.show', { gate_id: gateId }), ({ gate }) => ({
      json: { gate: renderGateJson(gate) },
      text: renderGate(gate, program.here),
    }));
  },
});

const approve = command({
  name: 'approve',
  operands: ['GATE'],
  about: 'Approve a gate; the agent then gets its answer.',
  options: {
    reason: { type: 'string', value: 'TEXT', about: 'Why, for the audit.' },
    remember: {
      type: 'string',
      value: GRANT_SCOPES.join('|'),
      about:
        'Also approve from now on: this exact action in this run, or all the rule gates in this run or for this agent.',
    },
    for: { type: 'string', value: 'TIME', about: 'How long to remember it: 30m, 1h, at most 24h.' },
  },
  async run({ operands: [gateId = ''], options, call, program }) {
    const remember = GRANT_SCOPES.find((each) => each === options.remember);
    const seconds = rememberedSeconds(options.for);
    if (seconds !== undefined && remember === undefined) throw new BadInput('`--for` needs `--remember`');
    const reply = await call('gates.approve', {
      gate_id: gateId,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      ...(remember === undefined ? {} : { remember }),
      ...(seconds === undefined ? {} : { for_seconds: seconds }),
    });
    return printed(reply, ({ gate, grant }) => ({
      json: { gate: renderGateJson(gate), grant: renderRecord(grant) },
      text: [`Approved for ${gate.agent}: ${summarise(gate)}`, ...remembered(grant, program.here)].join('\n'),
    }));
  },
});

const DAY_SECONDS = 86_400;

function rememberedSeconds(text: string | undefined): number | undefined {
  const ms = parseDuration('--for', text);
  if (ms === undefined) return undefined;
  const seconds = ms / 1000;
  if (seconds < 1 || seconds > DAY_SECONDS) throw new BadInput('`--for` must be between 1s and 24h');
  return seconds;
}

const remembered = (grant: GrantRecord | null, program: string): readonly string[] =>
  grant === null ? [] : [`Remembered: ${grant.shown}`, `Forget it with: ${program} grants revoke ${grant.grant_id}`];

const reject = command({
  name: 'reject',
  operands: ['GATE'],
  about: 'Reject a gate; the agent is told the reason.',
  options: {
    reason: { type: 'string', value: 'TEXT', about: 'Why; the agent reads it.' },
    suggest: { type: 'string', value: 'FILE', about: 'Arguments (JSON) to propose to the agent instead.' },
  },
  async run({ operands: [gateId = ''], options, call }) {
    const suggested = options.suggest === undefined ? null : await readJsonFile(options.suggest);
    if (suggested?.kind === 'failed') return suggested;
    const reply = await call('gates.reject', {
      gate_id: gateId,
      suggested_args: suggested?.value ?? null,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    });
    return printed(reply, ({ gate }) => ({
      json: { gate: renderGateJson(gate) },
      text: `Rejected for ${gate.agent}: ${summarise(gate)}`,
    }));
  },
});

/** Approval gates and verdicts on them. */
export const gateCommands: readonly Command[] = [list, show, approve, reject];
