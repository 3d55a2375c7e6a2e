import { countWords } from './json.ts';
import { type DemoCall, proposeCalls } from './proposal.ts';
import type { DemoTurn } from './turn.ts';

/** What the demo says to a turn, before any wire format. */
export interface DemoReply {
  readonly text: string;
  readonly calls: readonly DemoCall[];
  readonly finish: 'stop' | 'calls' | 'length';
  /** Words of the text and of every call. */
  readonly outputTokens: number;
}

const QUOTED = 300;
const quote = (text: string): string => `"${text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}"`;

function composeText(turn: DemoTurn, calls: readonly DemoCall[]): string {
  if (calls.length > 0) return `I will call ${calls.map((call) => call.tool.name).join(' and ')}.`;
  if (turn.toolResults.length > 0) return `The tool answered ${turn.toolResults.map(quote).join(' and ')}. Done.`;
  const heard = turn.prompt === '' ? 'Hello.' : `You wrote ${quote(turn.prompt)}.`;
  return `${heard} This is the demo provider: it answers offline and always the same. If a tool is declared, write "call NAME with {…}" and it proposes that call.`;
}

const firstWords = (text: string, count: number): string => (text.match(/\s*\S+/g) ?? []).slice(0, count).join('');

/** The reply to a turn; the same turn always gets the same reply. Never longer than the turn's output limit. */
export function composeReply(turn: DemoTurn): DemoReply {
  const calls = proposeCalls(turn);
  const text = composeText(turn, calls);
  const outputTokens = [text, ...calls.map((call) => `${call.tool.name} ${call.argsText}`)]
    .map(countWords)
    .reduce((sum, words) => sum + words, 0);
  if (turn.limit !== null && outputTokens > turn.limit) {
    const shortened = firstWords(text, turn.limit);
    return { text: shortened, calls: [], finish: 'length', outputTokens: countWords(shortened) };
  }
  return { text, calls, finish: calls.length > 0 ? 'calls' : 'stop', outputTokens };
}

/** A text in the pieces that a stream sends: a few words each, nothing lost. */
export const textPieces = (text: string): readonly string[] => text.match(/(?:\s*\S+){1,4}\s*/g) ?? [];

/** Arguments in pieces of at most 12 characters, as a stream sends them. */
export const argsPieces = (args: string): readonly string[] => args.match(/.{1,12}/gsu) ?? [];

/** What makes one answer different from the next: ids without their prefix, and the time in epoch seconds. */
export interface Stamp {
  id(): string;
  readonly seconds: number;
}

/** One server-sent event without a name (OpenAI chat and completions). */
export const frame = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** One named server-sent event whose data repeats the name as `type` (Responses, Messages). */
export const namedFrame = (type: string, value: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;
