import { parseArguments, renderValue } from '../policy/arguments.ts';
import type { KeptAnswer } from '../store/store.ts';
import type { ResponseReport, ToolCall } from '../wire/format.ts';
import { FORMATS } from '../wire/formats.ts';
import type { HoldableFormat } from '../wire/hold.ts';

/**
 * Whether an answer in its other form holds no call that the stored one does not: what was reviewed and judged is the stored one.
 * Both are read as clients read them, each in every way.
 */
export function holdsNoMore(format: HoldableFormat, stored: KeptAnswer, transcoded: KeptAnswer): boolean {
  const [before, after] = [readKept(format, stored), readKept(format, transcoded)];
  if (after.malformed) return false;
  const known = callsOf(before);
  const said = new Set(known.map(meaning));
  return callsOf(after).every((call) => said.has(meaning(call)) || isCutShort(call, known));
}

function readKept(format: HoldableFormat, { body, stream }: KeptAnswer): ResponseReport {
  const reader = stream ? FORMATS[format].streamReader() : FORMATS[format].jsonReader();
  reader.push(body);
  reader.end();
  return reader.report;
}

const callsOf = ({ toolCalls, otherCalls = [] }: ResponseReport): readonly ToolCall[] => [...toolCalls, ...otherCalls];

/** A call but for its id and the way in which its arguments are written. */
function meaning({ kind, namespace, name, argsText }: ToolCall): string {
  const parsed = kind === 'custom' ? null : parseArguments(argsText);
  return JSON.stringify([
    kind,
    namespace ?? null,
    name,
    parsed?.kind === 'parsed' ? renderValue(parsed.value) : argsText,
  ]);
}

/** Input that was cut off (max_tokens) is no JSON; a whole message holds an empty object in its place. */
const isCutShort = ({ id, name, argsText }: ToolCall, known: readonly ToolCall[]): boolean =>
  argsText === '{}' &&
  known.some((call) => call.id === id && call.name === name && parseArguments(call.argsText).kind !== 'parsed');
