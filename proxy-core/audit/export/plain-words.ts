import { describeSent, readBlock } from '../../contract/block.ts';
import { nanoToUsd, nanoUsd } from '../../contract/money.ts';
import type { GateRecord, StepRecord } from '../../contract/records.ts';
import type { RunSource } from './source.ts';

/** What happened, in words that need no knowledge of the program. English, plain text: callers escape it. */

/** Nano-USD for people: cents from a dollar on, below it four decimals, so that small costs still add up by eye. */
export function money(nano: number): string {
  const usd = nanoToUsd(nanoUsd(nano));
  if (nano === 0 || Math.abs(usd) >= 1) return `$${usd.toFixed(2)}`;
  if (Math.abs(usd) < 0.0001) return 'under $0.0001';
  return `$${usd.toFixed(4).replace(/0{1,2}$/, '')}`;
}

/** `1 call`, `3 calls`. */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en-GB')} ${number === 1 ? one : many}`;

/** A length of time: `under a second`, `42 seconds`, `3 minutes 5 seconds`, `2 hours 10 minutes`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return 'under a second';
  if (seconds < 60) return count(seconds, 'second');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(count(minutes, 'minute'), seconds % 60, 'second');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return joined(count(hours, 'hour'), minutes % 60, 'minute');
  return joined(count(Math.floor(hours / 24), 'day'), hours % 24, 'hour');
}

const joined = (whole: string, rest: number, unit: string): string =>
  rest === 0 ? whole : `${whole} ${count(rest, unit)}`;

/** The same short, for a table: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d`. */
export const shortDuration = (ms: number): string =>
  duration(ms)
    .replace('under a second', '< 1 s')
    .replace(/ seconds?/, ' s')
    .replace(/ minutes?/, ' min')
    .replace(/ hours?/, ' h')
    .replace(/ days?/, ' d');

/** Words for a clock in one time zone. */
export interface Calendar {
  /** `22 November 2026` */
  day(at: number): string;
  /** `14:03:07` */
  time(at: number): string;
}

export function createCalendar(timeZone: string): Calendar {
  const day = new Intl.DateTimeFormat('en-GB', { timeZone, day: 'numeric', month: 'long', year: 'numeric' });
  const time = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  return { day: (at) => day.format(at), time: (at) => time.format(at) };
}

/** Why a call was refused. */
export function refusalReason(failure: string): string {
  return REFUSALS[failure] ?? `the call was refused (${failure.replaceAll('_', ' ')})`;
}

const REFUSALS: Readonly<Record<string, string>> = {
  budget_exceeded: 'what was left of the budget did not cover it',
  budget_unbounded: 'its cost could not be bounded in advance',
  model_unpriced: 'the model has no known price',
  policy_blocked: 'a rule forbids it',
  approval_rejected: 'a person had rejected it',
  loop_detected: 'the agent was going in circles',
  run_stopped: 'the run had been stopped',
  run_ended: 'the run was already over',
  operator_paused: 'everything was paused by the operator',
  rate_limited: 'there were too many calls in a short time',
  gate_expired: 'nobody had decided in time',
  approval_pending: 'a person still had to decide',
  endpoint_not_governed: 'it asked for something that is not allowed here',
};

/** Who decided, as a person would say it. */
export function decider(gate: Pick<GateRecord, 'decided_by' | 'channel'>): string {
  const who = gate.decided_by === null ? 'nobody' : gate.decided_by === 'operator' ? 'the operator' : gate.decided_by;
  const way = gate.channel === null ? null : (CHANNELS[gate.channel] ?? gate.channel);
  return way === null ? who : `${who}, ${way}`;
}

const CHANNELS: Readonly<Record<string, string>> = {
  cli: 'on the command line',
  console: 'in the console',
  desktop: 'in the desktop app',
  slack: 'in Slack',
  email: 'by email',
  expiry: 'when the time was up',
};

/** What became of a gate. */
export const VERDICTS: Readonly<Record<GateRecord['state'], string>> = {
  pending: 'Still waiting',
  approved: 'Approved',
  rejected: 'Rejected',
  expired: 'Not answered in time',
  cancelled: 'Withdrawn',
};

/** The states of a run. */
export const OUTCOMES: Readonly<Record<RunSource['run']['state'], string>> = {
  open: 'Still running',
  waiting: 'Waiting for a person',
  completed: 'Finished',
  stopped: 'Stopped',
};

/** The sentences of a report's summary, most important first. */
export function summarise(source: RunSource, calendar: Calendar): readonly string[] {
  const { run, tally, gates, artifacts } = source;
  const end = run.ended_at ?? run.last_activity_at;
  const sentences = [
    `On ${calendar.day(run.started_at)} from ${calendar.time(run.started_at)} to ${calendar.time(end)}, the agent ${run.agent} worked for ${duration(end - run.started_at)}.`,
    `It made ${count(run.exchanges, 'call')} to AI models or tools, asked to use tools ${times(run.tool_calls)}, and spent ${money(run.spent_nano)}${run.cap_nano === null ? ', without a limit of its own' : ` of the ${money(run.cap_nano)} it was allowed`}.`,
  ];
  if (run.trace_pruned_at !== null)
    sentences.push(prunedSentence(run.trace_pruned_at, run.last_activity_at > run.trace_pruned_at, calendar));
  if (gates.length > 0) sentences.push(askedSentence(source));
  for (const block of tally.blocks) sentences.push(blockedSentence(block));
  for (const { failure, count: number, firstStep } of tally.refusals)
    sentences.push(
      `${number === 1 ? 'One call was' : `${count(number, 'call')} were`} refused because ${refusalReason(failure)} (${number === 1 ? '' : 'first '}at step ${firstStep}).`,
    );
  const retries = tally.steps.retry ?? 0;
  if (retries > 0) sentences.push(`The agent repeated ${count(retries, 'request')} it had already made.`);
  if (artifacts.length > 0)
    sentences.push(
      `It handed in ${count(artifacts.length, 'file')}: ${listed(artifacts.map(({ artifact }) => artifact.name))}.`,
    );
  return sentences;
}

/** `A rule stopped it from using the tool drop_table, once: “drop:any” (Never drop tables.), at step 4.` */
function blockedSentence({
  rule,
  message,
  tool,
  count: number,
  firstStep,
}: RunSource['tally']['blocks'][number]): string {
  const what = tool === null ? 'A rule stopped a request of its' : `A rule stopped it from using the tool ${tool},`;
  const why = message === null ? '' : ` (${message})`;
  return `${what} ${times(number)}: “${rule}”${why}, ${number === 1 ? '' : 'first '}at step ${firstStep}.`;
}

/** Why a report shows no steps although there were some, or (the run went on) none of the earlier ones. */
export const prunedSentence = (at: number, wentOn: boolean, calendar: Calendar): string =>
  `${wentOn ? 'The earlier part of its' : 'Its'} trace (what was asked and answered, step by step) was removed on ${calendar.day(at)}, to keep the store small; the figures, the permissions and the signed record are complete.`;

const times = (number: number): string => (number === 0 ? 'never' : number === 1 ? 'once' : `${number} times`);

function askedSentence({ gates, waitedMs }: RunSource): string {
  const of = (state: GateRecord['state']): number => gates.filter((gate) => gate.state === state).length;
  const parts = [
    [of('approved'), 'approved'],
    [of('rejected'), 'rejected'],
    [of('expired'), 'not answered in time'],
    [of('cancelled'), 'withdrawn'],
    [of('pending'), 'still open'],
  ] as const;
  const results = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  const waited = waitedMs > 0 ? ` People were waited for ${duration(waitedMs)} in all.` : '';
  return `It had to ask a person for permission ${times(gates.length)}: ${listed(results)}.${waited}`;
}

const MOST_NAMED = 5;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, MOST_NAMED);
  if (items.length > MOST_NAMED) shown.push(`${items.length - MOST_NAMED} more`);
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** A step of the timeline in one sentence, and the word for its kind. */
export function describeStep(step: StepRecord): { readonly label: string; readonly sentence: string } {
  const { detail, summary } = step;
  switch (step.kind) {
    case 'model_call':
      return { label: 'AI model', sentence: `Asked the model ${summary}${ending(detail)}.` };
    case 'opaque_call':
      return { label: 'Other call', sentence: `Called ${summary}${ending(detail)}.` };
    case 'retry':
      return { label: 'Repeat', sentence: `Sent the same request to ${summary} again${ending(detail)}.` };
    case 'tool_call':
      return { label: 'Tool', sentence: `The model asked to use the tool ${summary}.` };
    case 'tool_result':
      return {
        label: 'Result',
        sentence: detail['is_error'] === true ? 'The tool failed and said so.' : 'The tool answered.',
      };
    case 'gate':
      return { label: 'Permission', sentence: gateSentence(step) };
    case 'alert':
      return { label: 'Notice', sentence: `Worth knowing: ${summary}.` };
    case 'artifact':
      return { label: 'File', sentence: `Handed in the file ${summary}.` };
    case 'refusal':
      return { label: 'Refused', sentence: refusalSentence(step) };
  }
}

function refusalSentence(step: StepRecord): string {
  const block = readBlock(step);
  if (block === null) return `Not let through: ${refusalReason(step.summary)}.`;
  const what = block.tool === null ? 'the request' : `the use of the tool ${block.tool}`;
  const why = block.message === null ? '' : ` ${block.message.replace(/[.!?\s]*$/, '.')}`;
  const seen = block.matched.length === 0 ? '' : ` What matched: ${block.matched.join('; ')}.`;
  return `The rule “${block.rule}” stopped ${what}.${why}${seen} The agent was given ${describeSent(block)} instead.`;
}

function ending(detail: StepRecord['detail']): string {
  switch (detail['state']) {
    case 'failed':
      return typeof detail['status'] === 'number'
        ? `, which failed (the provider answered with error ${detail['status']})`
        : ', which failed';
    case 'aborted':
      return ', which was broken off';
    case 'gated':
      return ', whose answer was held back until a person had decided';
    case 'open':
      return ', which had not answered yet';
    default:
      return '';
  }
}

function gateSentence({ summary, detail }: StepRecord): string {
  const state = detail['gate_state'];
  const verdict = typeof state === 'string' && state in VERDICTS ? VERDICTS[state as GateRecord['state']] : null;
  const decided = typeof detail['decided_by'] === 'string' ? detail['decided_by'] : null;
  const by = decided === null || state === 'expired' ? '' : ` by ${decider({ decided_by: decided, channel: null })}`;
  const after = typeof detail['waited_ms'] === 'number' ? ` after ${duration(detail['waited_ms'])}` : '';
  const reason = typeof detail['reason'] === 'string' ? ` “${detail['reason']}”` : '';
  const outcome = verdict === null ? '' : ` ${verdict}${by}${after}.`;
  return `A person was asked, because of the rule “${summary}”.${outcome}${reason}`;
}
