import type { Decision } from '../policy/decision.ts';
import { keyRule, stops } from '../policy/decision.ts';
import { couldGateTool } from '../policy/evaluate.ts';
import type { Begun, FrameEffect, NamedTool, ToolCall } from '../wire/format.ts';
import type { Hold } from '../wire/hold-stream.ts';
import type { Admitted } from './admission.ts';
import { callsBeside } from './calls-beside.ts';
import type { Core } from './core.ts';
import { deliveryOf } from './delivery.ts';
import type { Outcome } from './forward.ts';
import { holdableFormat, openHold } from './held-stream.ts';
import {
  type AnswerJudgement,
  couldTripLoop,
  type Judged,
  judgeAnswer,
  judgeOthers,
  mayWithhold,
  pendingBound,
  withOthers,
} from './judge.ts';
import type { Answer, Streaming } from './passage.ts';
import type { ReadRequest } from './request.ts';
import { isAddedUsage } from './request-edits.ts';

/** How a stream is watched, and the hold that can keep it open. */
export interface Watch {
  readonly streaming: Streaming;
  /** Null where the agent's delivery is `retry`, or nothing of the stream can need withholding. */
  readonly hold: Hold | null;
  /** No rule could withhold anything, so what cannot be read passes as it is. */
  readonly passesUnread: boolean;
  /** White space before a document passes at once: nothing that the request declares could need withholding. */
  readonly passesSpace: boolean;
}

/**
 * Decide from the request what may leave before the whole answer is known (design: no tool it declares can match, no
 * buffering). A stream that cannot be held and may need withholding is buffered; every other passes, watched only for
 * calls of tools that were never declared.
 */
export function watchAnswer(core: Core, admitted: Admitted, begun: Hold | null): Watch {
  const { request, judged, edited } = admitted;
  const format = holdableFormat(request);
  const hide = (effect: FrameEffect): boolean => isAddedUsage(edited, effect);
  if (judged === null || !stopsCalls(admitted) || !holdsChoices(request)) {
    const streaming: Streaming = edited.hidesUsage ? watchFrames({ hide }) : { kind: 'pass' };
    // A count holds no calls, but one that does all the same must not pass before it is looked through.
    const looksThrough = judged !== null && request.endpoint.kind === 'count' && stopsCalls(admitted);
    const free = { passesUnread: begun === null && !looksThrough, passesSpace: begun === null };
    if (begun === null) return { streaming, hold: null, ...free };
    return { streaming: watchFrames({ hide, hold: begun, rewrites: true }), hold: begun, ...free };
  }
  const could = mayWithhold(core, judged);
  const watched = { passesUnread: format === null, passesSpace: !could && begun === null };
  const holds = deliveryOf(request, admitted.run) === 'hold';
  if (could && !holds && begun === null) {
    return { streaming: watchFrames({ hide, holdsAll: true }), hold: null, ...watched };
  }
  const hold = begun ?? (holds && format !== null ? openHold(core, request, format) : null);
  const known = new Map<number, boolean>();
  const once = (key: number, ask: () => boolean): boolean => {
    const answer = known.get(key) ?? ask();
    known.set(key, answer);
    return answer;
  };
  const couldStop = (tool: NamedTool): boolean => couldGateTool(judged.policy.compiled, judged.subject, tool);
  const stoppable = judged.subject.declared.filter((tool) => tool.kind !== 'server' && couldStop(tool));
  const couldLoop = (coming: number): boolean =>
    once(coming, () => couldTripLoop(core, admitted.policy, admitted.run, coming));
  let asked = 0;
  const holdFrom = ({ tools, calls, unsure }: Begun): boolean => {
    const fresh = tools.slice(asked);
    asked = tools.length;
    return (
      unsure ||
      tools.length === 0 ||
      couldLoop(calls) ||
      // A name may come in pieces, and its arguments before the last of them.
      fresh.some((tool) => couldStop(tool) || stoppable.some(({ name }) => name.startsWith(tool.name)))
    );
  };
  return { streaming: watchFrames({ hide, holdFrom, hold, rewrites: begun !== null }), hold, ...watched };
}

/** Whether an answer to this request can hold a tool call at all; plain completions have none, and are watched for some all the same. */
const holdsChoices = (request: ReadRequest): boolean =>
  request.endpoint.kind === 'model' && request.endpoint.format !== 'embeddings';

interface Filters {
  readonly hide: (effect: FrameEffect) => boolean;
  readonly holdFrom?: (begun: Begun) => boolean;
  readonly hold?: Hold | null;
  readonly holdsAll?: boolean;
  /** The stream was begun by us, so every frame of the provider is moved behind what we sent. */
  readonly rewrites?: boolean;
}

function watchFrames({ hide, holdFrom, hold, holdsAll, rewrites }: Filters): Streaming {
  return {
    kind: 'frames',
    holdsAll: holdsAll ?? false,
    hide,
    holdFrom: holdFrom ?? (() => false),
    outgoing: (frame) => {
      if (hold == null) return frame;
      if (rewrites === true) return hold.release(frame);
      hold.sent(frame);
      return frame;
    },
  };
}

/** Whether this policy could stop any tool call at all. */
function stopsCalls({ policy: { compiled }, loops }: Admitted): boolean {
  return (
    compiled.toolCall.rules.some((rule) => stops(rule.effect)) ||
    compiled.definition.tools != null ||
    stops(compiled.defaultEffect) ||
    stops(loops.action)
  );
}

/** What the policy says of a complete answer. */
export type Ruling =
  | { readonly kind: 'free'; readonly judgement: AnswerJudgement | null }
  | { readonly kind: 'blocked'; readonly decision: Decision; readonly judgement: AnswerJudgement | null }
  | { readonly kind: 'gated'; readonly decision: Decision; readonly judgement: AnswerJudgement };

const FREE: Ruling = { kind: 'free', judgement: null };

/** Rule on an outcome. An answer whose calls cannot be read for certain is blocked where a rule could have stopped one. */
export async function ruleOnAnswer(core: Core, admitted: Admitted, outcome: Outcome): Promise<Ruling> {
  const { judged } = admitted;
  if (outcome.kind !== 'completed' || judged === null) return FREE;
  const { report } = outcome.answer;
  if (report === null) return ruleOnCallsBeside(core, admitted, judged, outcome.answer);
  const others = report.otherCalls ?? [];
  // Embeddings and plain completions have no tool calls that could be hidden in what cannot be read.
  const unread = report.malformed && holdableFormat(admitted.request) !== null;
  const could = stopsCalls(admitted);
  if ((unread || areTooMany(others)) && could) {
    return { kind: 'blocked', decision: unreadable(admitted), judgement: null };
  }
  if (report.toolCalls.length === 0 && others.length === 0) return FREE;
  // Alerts, loops and drift are looked for whatever the rules can stop.
  const judgement = withOthers(
    await judgeAnswer(core, judged, report.toolCalls),
    could ? await judgeOthers(core, judged, others) : [],
  );
  if (judgement.effect === 'allow' || judgement.decision === null) return { kind: 'free', judgement };
  const full = judgement.effect === 'gate' ? pendingBound(core, admitted.run, admitted.policy) : null;
  if (full !== null) return { kind: 'blocked', decision: { ...full, stage: 'tool_call' }, judgement };
  return judgement.effect === 'block'
    ? { kind: 'blocked', decision: judgement.decision, judgement }
    : { kind: 'gated', decision: judgement.decision, judgement };
}

/** Readings of one answer that are judged one by one. */
const MOST_OTHERS = 2048;
/**
 * Characters of their arguments together: twice what one answer can hold. Threat: a long call of many names is as many readings, and
 * each that is stopped is recorded with all it says.
 */
const MOST_OTHER_TEXT = 16 * 1024 * 1024;

const areTooMany = (others: readonly ToolCall[]): boolean =>
  others.length > MOST_OTHERS || others.reduce((sum, { argsText }) => sum + argsText.length, 0) > MOST_OTHER_TEXT;

/** An error, or a count of tokens, holds no calls; where one is in it all the same, it is refused like any that a rule stops. */
async function ruleOnCallsBeside(core: Core, admitted: Admitted, judged: Judged, answer: Answer): Promise<Ruling> {
  if (answer.beside === null || !stopsCalls(admitted)) return FREE;
  const calls = await callsBeside(admitted.request, answer, answer.beside);
  if (calls === null || areTooMany(calls)) return { kind: 'blocked', decision: unreadable(admitted), judgement: null };
  const [stopped] = await judgeOthers(core, judged, calls);
  return stopped === undefined ? FREE : { kind: 'blocked', decision: stopped.decision, judgement: null };
}

const unreadable = (admitted: Admitted): Decision => ({
  effect: 'block',
  rule: keyRule(
    'answer:unreadable',
    'tools',
    'block',
    'The provider’s answer cannot be read for certain, so its tool calls cannot be judged.',
    'Send the request again.',
  ),
  stage: 'tool_call',
  version: admitted.policy.ref,
  tool: null,
  explanation: [],
  alerts: [],
});
