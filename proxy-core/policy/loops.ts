import type { ToolCall } from '../wire/format.ts';
import { renderValue } from './arguments.ts';
import { type CallContext, NO_CONTEXT } from './call-context.ts';
import { isScriptTool, readCall } from './calls.ts';
import { type DecidingRule, type Decision, keyRule } from './decision.ts';
import { textOf } from './facts.ts';
import type { LoopSettings } from './schema.ts';
import { qualifiedName } from './tool-names.ts';

/** A run that repeats itself. */
export interface LoopFinding {
  readonly kind: 'identical_tool_calls' | 'identical_requests' | 'cycle';
  /** The how-manieth occurrence this is; at least `limit`. */
  readonly count: number;
  readonly limit: number;
  /** Length of the repeated sequence; 1 for identical calls and requests. */
  readonly length: number;
}

/**
 * Repetitions per run within a window (behaviour §4 `loops`). N means that the Nth occurrence is acted on, and every
 * one after it within the window. Time comes in as epoch ms. Answers served from a gate and resends are not observed.
 */
export interface LoopTracker {
  /** Observe a request by its fingerprint. */
  observeRequest(settings: LoopSettings, runId: string, fingerprint: string, now: number): LoopFinding | null;
  /** Observe a tool call by `callSignature`. */
  observeCall(settings: LoopSettings, runId: string, signature: string, now: number): LoopFinding | null;
  /**
   * Whether one of the next tool calls of the run could be one that is acted on, so that its answer must be held back. `coming`
   * is how many of them one answer brings, at least 1.
   */
  couldTrip(settings: LoopSettings, runId: string, now: number, coming?: number): boolean;
  /** Forget a run that has ended. */
  forget(runId: string): void;
}

interface Occurrence {
  readonly at: number;
  readonly sign: string;
}
interface RunHistory {
  /** When each request came, by its sign; requests are only counted, so their order is not kept. */
  readonly requests: Map<string, number[]>;
  calls: Occurrence[];
}

const RUN_LIMIT = 2_000;
const CYCLE_LENGTH_LIMIT = 8;
const HISTORY_LIMIT = 1_024;

/** A tracker that remembers at most so many runs; the ones longest unused are forgotten first. */
export function createLoopTracker(runLimit: number = RUN_LIMIT): LoopTracker {
  const runs = new Map<string, RunHistory>();
  const historyOf = (runId: string): RunHistory => {
    const history = runs.get(runId) ?? { requests: new Map(), calls: [] };
    runs.delete(runId);
    runs.set(runId, history);
    const [oldest] = runs.keys();
    if (runs.size > runLimit && oldest !== undefined) runs.delete(oldest);
    return history;
  };
  return {
    observeRequest: (settings, runId, fingerprint, now) => {
      const { requests } = historyOf(runId);
      const sign = shorten(fingerprint);
      const times = requests.get(sign) ?? [];
      noteTime(times, now, settings.window_seconds * 1000);
      // Moved to the end, so that the signs longest not seen are the first to be forgotten.
      requests.delete(sign);
      requests.set(sign, times);
      const [oldest] = requests.keys();
      if (requests.size > HISTORY_LIMIT && oldest !== undefined) requests.delete(oldest);
      const { identical_requests: limit } = settings;
      return times.length >= limit ? { kind: 'identical_requests', count: times.length, limit, length: 1 } : null;
    },
    observeCall: (settings, runId, signature, now) => {
      const history = historyOf(runId);
      const kept = recent(history.calls, now, settings.window_seconds * 1000);
      history.calls = [...kept, { at: now, sign: shorten(signature) }].slice(-HISTORY_LIMIT);
      const identical = findIdentical(history.calls, settings.identical_tool_calls);
      return identical ?? findCycle(history.calls, settings.cycle);
    },
    couldTrip: (settings, runId, now, coming = 1) => {
      const calls = recent(runs.get(runId)?.calls ?? [], now, settings.window_seconds * 1000);
      if (mostOften(calls) + coming >= settings.identical_tool_calls) return true;
      // A cycle has two calls at least; what several coming calls make of it is not worked out.
      if (coming > 1) return calls.length + coming >= 2 * settings.cycle;
      const next = new Set(calls.slice(-CYCLE_LENGTH_LIMIT).map((call) => call.sign));
      return [...next].some((sign) => findCycle([...calls, { at: now, sign }], settings.cycle) !== null);
    },
    forget: (runId) => {
      runs.delete(runId);
    },
  };
}

/**
 * What makes two tool calls identical: tool and arguments, whatever the order of their keys. A call through a known carrier, or by
 * another spelling of a declared name, is the call that it certainly stands for.
 */
export function callSignature(call: ToolCall, context: CallContext = NO_CONTEXT): string {
  const certain = isScriptTool(call) ? [] : readCall(call, context).filter(({ counts }) => counts === 'fully');
  const [first, second] = certain;
  const meant = certain.length === 2 && first?.wraps === true ? second : certain.length === 1 ? first : undefined;
  const name = meant === undefined ? null : textOf(meant.tool);
  const parsed = meant?.value();
  if (name !== null && parsed?.kind === 'parsed') return `${name} ${renderValue(parsed.value)}`;
  return `${qualifiedName(call)} ${call.argsText}`;
}

/** What a loop means under the settings; `effect` is the settings' action. */
export function loopDecision(finding: LoopFinding, settings: LoopSettings, version: string): Decision {
  return {
    effect: settings.action,
    rule: loopRule(finding, settings),
    stage: finding.kind === 'identical_requests' ? 'request' : 'tool_call',
    version,
    tool: null,
    explanation: [
      {
        path: `loops.${finding.kind}`,
        operator: '$gte',
        expected: String(finding.limit),
        seen: String(finding.count),
        unclear: null,
        outcome: 'matched',
        negated: false,
        decisive: true,
      },
    ],
    alerts: [],
  };
}

function loopRule(finding: LoopFinding, settings: LoopSettings): DecidingRule {
  const span = `within ${settings.window_seconds} s`;
  const message =
    finding.kind === 'cycle'
      ? `The same ${finding.length} tool calls came ${finding.count} times in a row ${span}.`
      : `The same ${finding.kind === 'identical_requests' ? 'request' : 'tool call'} came ${finding.count} times ${span}.`;
  const recover = 'Stop and try something else: the result will not change by repeating it.';
  return keyRule(`loops.${finding.kind}`, 'loops', settings.action, message, recover);
}

/** A clock set back moves later occurrences to `now`. */
const recent = (occurrences: readonly Occurrence[], now: number, spanMs: number): readonly Occurrence[] =>
  occurrences.filter((one) => one.at > now - spanMs).map((one) => (one.at > now ? { ...one, at: now } : one));

/** Add `now` to ascending times and drop those that have left the window; a clock set back moves later ones to `now`. */
function noteTime(times: number[], now: number, spanMs: number): void {
  for (let last = times.length - 1; last >= 0 && (times[last] ?? now) > now; last -= 1) times[last] = now;
  let left = 0;
  while (left < times.length && (times[left] ?? now) <= now - spanMs) left += 1;
  if (times.length - left >= HISTORY_LIMIT) left += 1;
  if (left > 0) times.splice(0, left);
  times.push(now);
}

function findIdentical(occurrences: readonly Occurrence[], limit: number): LoopFinding | null {
  const last = occurrences.at(-1);
  const count = occurrences.filter((one) => one.sign === last?.sign).length;
  return count >= limit ? { kind: 'identical_tool_calls', count, limit, length: 1 } : null;
}

function mostOften(occurrences: readonly Occurrence[]): number {
  const counts = new Map<string, number>();
  let most = 0;
  for (const { sign } of occurrences) {
    const count = (counts.get(sign) ?? 0) + 1;
    counts.set(sign, count);
    most = Math.max(most, count);
  }
  return most;
}

/** The shortest sequence of two or more different calls that the last calls repeat `limit` times or more, without a gap. */
function findCycle(occurrences: readonly Occurrence[], limit: number): LoopFinding | null {
  const signs = occurrences.map((one) => one.sign);
  for (let length = 2; length <= CYCLE_LENGTH_LIMIT; length += 1) {
    if (signs.length < length * limit) return null;
    const count = countRepeats(signs, length);
    if (count >= limit && new Set(signs.slice(-length)).size > 1) return { kind: 'cycle', count, limit, length };
  }
  return null;
}

function countRepeats(signs: readonly string[], length: number): number {
  let same = 0;
  for (let index = signs.length - 1 - length; index >= 0 && signs[index] === signs[index + length]; index -= 1)
    same += 1;
  return 1 + Math.floor(same / length);
}

/** Long signatures are kept as their length and two 32-bit hashes (cyrb53): memory stays bounded, a collision only alerts early. */
function shorten(sign: string): string {
  if (sign.length <= 128) return sign;
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < sign.length; index += 1) {
    const code = sign.charCodeAt(index);
    one = Math.imul(one ^ code, 2654435761);
    other = Math.imul(other ^ code, 1597334677);
  }
  return `${sign.length} ${(one >>> 0).toString(36)} ${(other >>> 0).toString(36)}`;
}
