import { sensibly } from './chat-joins.ts';
import { barePiece } from './chat-pieces.ts';
import {
  arrayJson,
  bytesOf,
  elementsJson,
  memberJson,
  membersOf,
  payloadsOf,
  recordOf,
  renderJson,
  textOf,
} from './hold-frames.ts';
import { filledText, type JsonRecord, list, recordOrNull, records, textOrNull } from './loose-json.ts';
import { removeMembers, setMember } from './splice.ts';

/** OpenAI chat: a stream of chunks as one completion, and one completion as a stream. */

interface Choice {
  readonly message: Record<string, unknown>;
  readonly calls: JsonRecord[];
  finish: string | null;
  logprobs: Record<string, unknown> | null;
}

/** See `streamToJson`. Complete is a stream with `[DONE]` or with every choice finished. */
export function chatJson(frames: readonly Uint8Array[]): Uint8Array | null {
  const payloads = payloadsOf(frames);
  const first = payloads.find((p) => Array.isArray(p.root['choices']));
  if (first === undefined) return null;
  const choices = new Map<number, Choice>();
  for (const payload of payloads) for (const choice of records(payload.root['choices'])) noteChoice(choices, choice);
  const done = frames.some((frame) => /^data: ?\[DONE\]/m.test(textOf(frame)));
  if (!done && ([...choices.values()].some((c) => c.finish === null) || choices.size === 0)) return null;
  const bodies = [...choices.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([index, choice]) => choiceBody(index, choice));
  const usage = payloads.findLast((p) => recordOrNull(p.root['usage']) !== null);
  const usageText = usage === undefined ? null : memberJson(usage.json, 'usage');
  const head = removeMembers(first.json, ['usage', 'obfuscation']) ?? first.json;
  const named = set(set(head, 'object', '"chat.completion"'), 'choices', JSON.stringify(bodies));
  return usageText === null ? named : set(named, 'usage', textOf(usageText));
}

const set = (json: Uint8Array, key: string, literal: string): Uint8Array => setMember(json, [key], literal) ?? json;

function noteChoice(choices: Map<number, Choice>, chunk: JsonRecord): void {
  const index = typeof chunk['index'] === 'number' ? chunk['index'] : 0;
  const known = choices.get(index);
  const choice = known ?? { message: { role: 'assistant', content: null }, calls: [], finish: null, logprobs: null };
  if (known === undefined) choices.set(index, choice);
  choice.finish = filledText(chunk['finish_reason']) ?? choice.finish;
  const logprobs = recordOrNull(chunk['logprobs']);
  if (logprobs !== null) choice.logprobs = merge(choice.logprobs ?? {}, logprobs);
  const { tool_calls: calls, role, ...delta } = recordOrNull(chunk['delta']) ?? {};
  if (filledText(role) !== null) choice.message['role'] = role;
  merge(choice.message, delta);
  choice.calls.push(...records(calls));
}

/** The pieces of a choice's calls, joined as they are recorded (`chat-joins.ts`). */
function callsOf(pieces: readonly JsonRecord[]): readonly object[] {
  const slots = sensibly(pieces.map(barePiece)) ?? [];
  const calls: Record<string, unknown>[] = [];
  pieces.forEach((piece, i) => {
    const slot = slots[i] ?? -1;
    if (slot !== -1) calls[slot] = mergeCall(calls[slot] ?? {}, piece);
  });
  const withoutIndex = (call: JsonRecord): object =>
    Object.fromEntries(Object.entries(call).filter(([key]) => key !== 'index'));
  return calls.filter((call) => call !== undefined).map(withoutIndex);
}

/** Ids, types and names are said once (or repeated alike); arguments and inputs are joined. */
function mergeCall(into: Record<string, unknown>, piece: JsonRecord): Record<string, unknown> {
  for (const [key, value] of Object.entries(piece)) {
    const inner = recordOrNull(value);
    if (inner !== null) into[key] = mergeCall({ ...recordOrNull(into[key]) }, inner);
    else if (JOINED.has(key) && typeof value === 'string') into[key] = (textOrNull(into[key]) ?? '') + value;
    else if (value !== null && value !== '') into[key] = value;
  }
  return into;
}

const JOINED: ReadonlySet<string> = new Set(['arguments', 'input']);

/** Texts are joined, lists appended, objects merged, anything else replaced. */
function merge(into: Record<string, unknown>, delta: JsonRecord): Record<string, unknown> {
  for (const [key, value] of Object.entries(delta)) {
    const before = into[key];
    const inner = recordOrNull(value);
    if (typeof value === 'string') into[key] = (textOrNull(before) ?? '') + value;
    else if (Array.isArray(value)) into[key] = [...list(before), ...list(value)];
    else if (inner !== null) into[key] = merge({ ...recordOrNull(before) }, inner);
    else if (before === undefined || value !== null) into[key] = value;
  }
  return into;
}

function choiceBody(index: number, choice: Choice): object {
  const calls = callsOf(choice.calls);
  const message = calls.length === 0 ? choice.message : { ...choice.message, tool_calls: calls };
  return { index, message, logprobs: choice.logprobs, finish_reason: choice.finish };
}

/** See `jsonToStream`: per choice one chunk with the message, one per tool call and one with the finish reason. */
export function chatStream(body: Uint8Array, asksUsage: boolean): Uint8Array | null {
  if (!Array.isArray(recordOf(body)['choices'])) return null;
  const usage = memberJson(body, 'usage');
  const head = set(removeMembers(body, ['usage']) ?? body, 'object', '"chat.completion.chunk"');
  const chunk = (choices: string, extra: string | null = null): string => {
    const json = set(head, 'choices', choices);
    return renderJson(null, textOf(extra === null ? json : set(json, 'usage', extra)));
  };
  const frames = elementsJson(body, 'choices').flatMap((choice) => choiceChunks(choice).map((c) => chunk(`[${c}]`)));
  const last = asksUsage && usage !== null ? [chunk('[]', textOf(usage))] : [];
  return bytesOf([...frames, ...last, 'data: [DONE]\n\n'].join(''));
}

function choiceChunks(choice: Uint8Array): readonly string[] {
  const index = textOf(memberJson(choice, 'index') ?? bytesOf('0'));
  const logprobs = textOf(memberJson(choice, 'logprobs') ?? bytesOf('null'));
  const message = memberJson(choice, 'message') ?? bytesOf('{}');
  const delta = textOf(removeMembers(message, ['tool_calls']) ?? message);
  const piece = (text: string, finish: string, probs = 'null') =>
    `{"index":${index},"delta":${text},"logprobs":${probs},"finish_reason":${finish}}`;
  const calls = elementsJson(message, 'tool_calls').map((call, i) =>
    piece(`{"tool_calls":${arrayJson([indexed(call, i)])}}`, 'null'),
  );
  return [
    piece(delta, 'null', logprobs),
    ...calls,
    piece('{}', textOf(memberJson(choice, 'finish_reason') ?? bytesOf('"stop"'))),
  ];
}

/** A call with its position in front, as chunks number them. */
function indexed(call: Uint8Array, index: number): Uint8Array {
  const members = membersOf(call).map((m) => textOf(call.subarray(m.keyStart, m.end)));
  return bytesOf(`{${[`"index":${index}`, ...members.filter((text) => !text.startsWith('"index"'))].join(',')}}`);
}
