import { ownText } from '../contract/own-text.ts';

/**
 * A subagent's prompt is an argument of the tool call that began it (true of every measured client that has
 * subagents): which call of which run was that?
 */

/** A string argument of a tool call that was handed out. */
export interface HandedArgument {
  readonly runId: string;
  readonly callId: string;
  readonly text: string;
}

/** Shorter arguments (`.`, `src`, `general-purpose`) stand in too many prompts to prove anything. */
const LEAST_LENGTH = 24;
/** More of an argument is not compared. */
const ARGUMENT_LENGTH = 4_096;
/** Arguments of one call that are kept, and how deep they are looked for. */
const MOST_ARGUMENTS = 64;
const MOST_DEPTH = 16;
/** More of a request is not searched, characters. */
const SEARCHED = 512 * 1024;

/**
 * The call whose string argument stands in one of these texts, word for word. `args` oldest first; the longest wins, of
 * equally long ones in one run the newest; equally long ones of two runs prove nothing, and neither does a search that
 * `late` ends.
 */
export function findPromptCall(
  userTexts: readonly string[],
  args: readonly HandedArgument[],
  late: () => boolean,
): HandedArgument | null {
  const text = userTexts.join('\0').slice(0, SEARCHED);
  let found: HandedArgument | null = null;
  for (const arg of longestFirst(args)) {
    if (found !== null && arg.text.length < found.text.length) return found;
    if (late()) return null;
    if (!text.includes(arg.text)) continue;
    if (found !== null && found.runId !== arg.runId) return null;
    found ??= arg;
  }
  return found;
}

/** Longest first, of equally long ones the newest first. */
const longestFirst = (args: readonly HandedArgument[]): readonly HandedArgument[] =>
  args.toReversed().sort((one, other) => other.text.length - one.text.length);

/** The strings in a call's arguments that could be a prompt, each cut; nested ones too. */
export function promptArguments(argsText: string): readonly string[] {
  const found = new Set<string>();
  for (const text of stringsIn(argsText)) {
    if (text.length >= LEAST_LENGTH) found.add(ownText(text, ARGUMENT_LENGTH));
    if (found.size >= MOST_ARGUMENTS) break;
  }
  return [...found];
}

/** A custom tool's input is text itself; of arguments that were cut, the strings that are whole and the start of the last. */
function stringsIn(argsText: string): readonly string[] {
  try {
    const strings: string[] = [];
    collect(JSON.parse(argsText), 0, strings);
    return strings;
  } catch {
    return argsText.trimStart().startsWith('{') ? looseStrings(argsText) : [argsText];
  }
}

function collect(value: unknown, depth: number, into: string[]): void {
  if (typeof value === 'string') into.push(value);
  else if (typeof value === 'object' && value !== null && depth < MOST_DEPTH)
    for (const part of Object.values(value)) collect(part, depth + 1, into);
}

const LOOSE = /"((?:[^"\\]|\\.)*)(?:"|$)/gs;

function looseStrings(argsText: string): readonly string[] {
  return [...argsText.matchAll(LOOSE)].flatMap(([, inner = '']) => {
    try {
      return [String(JSON.parse(`"${inner}"`))];
    } catch {
      return [];
    }
  });
}
