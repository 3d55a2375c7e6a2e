import { type JsonObject, listOf, objectOf, textOf } from './json.ts';
import type { DemoTool, DemoTurn } from './turn.ts';

/** A tool call that the demo proposes. */
export interface DemoCall {
  readonly tool: DemoTool;
  /** JSON text of an object for functions, free text for custom tools; as the user wrote it where the user did. */
  readonly argsText: string;
}

/** Plain words are looked for at the start of a prompt only, so that a long one costs no time. */
const MAX_WORDS_LENGTH = 4_096;

/** More calls than this in one prompt are not read. */
const MAX_CALLS = 16;

/** The balanced `{…}` at `start`, quotes respected; null if it does not close or is not a JSON object. */
function jsonAt(text: string, start: number): string | null {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i += 1) {
    const char = text[i];
    if (quoted && char === '\\') i += 1;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === '{') depth += 1;
    else if (!quoted && char === '}') {
      depth -= 1;
      if (depth === 0) return parsesAsJson(text.slice(start, i + 1));
    }
  }
  return null;
}

function parsesAsJson(text: string): string | null {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

const CALL = /\bcall\s+(?:the\s+)?(?:tool\s+)?[`"']?([A-Za-z_][\w:.-]*)[`"']?(?:\s+with)?\s*/gi;

/** `call NAME`, `call NAME {…}`, `call NAME with {…}`, any number of them, for declared tools only. */
function askedByName(turn: DemoTurn): DemoCall[] {
  const calls: DemoCall[] = [];
  let read = 0;
  for (const match of turn.prompt.matchAll(CALL)) {
    read += 1;
    if (read > MAX_CALLS) break;
    const name = (match[1] ?? '').replace(/[.:]+$/, '');
    const tool = turn.tools.find((each) => each.name === name);
    if (tool === undefined) continue;
    const end = match.index + match[0].length;
    const args = turn.prompt[end] === '{' ? jsonAt(turn.prompt, end) : sampleArgs(tool, turn.prompt);
    if (args !== null) calls.push({ tool, argsText: args });
  }
  return calls;
}

const AMOUNT = /(?:\$|USD\s*)\s*(\d[\d,]*(?:\.\d+)?)|(\d[\d,]*(?:\.\d+)?)\s*(?:USD|dollars)\b/i;
const REFERENCE = /\b(?:order|invoice|payment|charge|ticket)\s*(?:id\s*|no\.?\s*)?#?([A-Za-z_-]*\d[\w-]*)/i;

function sampleText(name: string, schema: JsonObject, prompt: string): string {
  const allowed = textOf(listOf(schema['enum'])[0]);
  if (allowed !== '') return allowed;
  if (/reason|note|message|description|comment/i.test(name)) return 'Requested by the customer';
  if (/currency/i.test(name)) return 'USD';
  if (/order|invoice|payment|charge|ticket|id$/i.test(name)) return REFERENCE.exec(prompt)?.[1] ?? 'ord_1001';
  return 'demo';
}

function sampleNumber(name: string, prompt: string): number {
  const amount = AMOUNT.exec(prompt);
  const written = amount?.[1] ?? amount?.[2];
  if (written !== undefined && /amount|usd|price|total|value|sum/i.test(name))
    return Number(written.replaceAll(',', ''));
  return 25;
}

const MAX_SAMPLE_DEPTH = 5;

/** A plausible value for a JSON schema, with amounts and order numbers taken from the prompt. */
function sampleValue(name: string, schema: JsonObject, prompt: string, depth: number): unknown {
  switch (schema['type']) {
    case 'number':
    case 'integer':
      return sampleNumber(name, prompt);
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return depth < MAX_SAMPLE_DEPTH ? sampleObject(schema, prompt, depth + 1) : {};
    default:
      return sampleText(name, schema, prompt);
  }
}

/** The required properties, or all of them if none is marked. */
function sampleObject(schema: JsonObject, prompt: string, depth: number): JsonObject {
  const properties = Object.entries(objectOf(schema['properties']));
  const required = listOf(schema['required']);
  const wanted = required.length === 0 ? properties : properties.filter(([name]) => required.includes(name));
  return Object.fromEntries(wanted.map(([name, part]) => [name, sampleValue(name, objectOf(part), prompt, depth)]));
}

const sampleArgs = (tool: DemoTool, prompt: string): string =>
  tool.kind === 'custom' ? prompt : JSON.stringify(sampleObject(tool.schema, prompt.slice(0, MAX_WORDS_LENGTH), 0));

const SHELL_TOOL = /^(?:bash|shell|terminal|(?:exec|execute|run)_(?:shell_)?command)$/i;
const VERB = /\b(?:run|execute)\s/i;
/** Words between the verb and the command itself. */
const FILLER = /^(?:the|this|a|shell|bash|terminal|command)\b:?/i;

/** The shell command that the prompt asks for (in backticks, or the rest of the line), or null. */
function askedCommand(prompt: string): string | null {
  const verb = VERB.exec(prompt);
  if (verb === null) return null;
  let rest = prompt.slice(verb.index + verb[0].length).trimStart();
  for (let filler = FILLER.exec(rest); filler !== null; filler = FILLER.exec(rest)) {
    rest = rest.slice(filler[0].length).trimStart();
  }
  const line = rest.split('\n', 1)[0] ?? '';
  const command = (/`([^`]+)`/.exec(line)?.[1] ?? line).trim().replace(/^(["'])(.*)\1$/, '$2');
  return command === '' ? null : command;
}

function shellArgs(tool: DemoTool, command: string): string {
  // Codex's code mode has one custom tool, which takes a script that calls the real tools.
  if (tool.kind === 'custom') return `text(await tools.exec_command({cmd: ${JSON.stringify(command)}}));`;
  const properties = objectOf(tool.schema['properties']);
  if ('cmd' in properties || tool.name === 'exec_command') return JSON.stringify({ cmd: command });
  const asList = objectOf(properties['command'])['type'] === 'array';
  const args = { command: asList ? ['bash', '-lc', command] : command };
  return JSON.stringify('description' in properties ? { ...args, description: 'Run the command asked for' } : args);
}

const isShell = (tool: DemoTool): boolean =>
  SHELL_TOOL.test(tool.name) || (tool.kind === 'custom' && tool.name === 'exec');

/** A refund or a shell command, asked for in plain words, when a declared tool fits. */
function askedInWords(turn: DemoTurn): DemoCall[] {
  const prompt = turn.prompt.slice(0, MAX_WORDS_LENGTH);
  const refund = /\brefund/i.test(prompt) ? turn.tools.find((tool) => /refund/i.test(tool.name)) : undefined;
  if (refund !== undefined) return [{ tool: refund, argsText: sampleArgs(refund, prompt) }];
  const command = askedCommand(prompt);
  const shell = command === null ? undefined : turn.tools.find(isShell);
  return command === null || shell === undefined ? [] : [{ tool: shell, argsText: shellArgs(shell, command) }];
}

function demanded(turn: DemoTurn): DemoCall[] {
  const tool = turn.tools.find((each) => turn.forced === null || each.name === turn.forced);
  return tool === undefined ? [] : [{ tool, argsText: sampleArgs(tool, turn.prompt) }];
}

/** The calls to propose, in the order asked for; none after a tool result, which the demo answers in text. */
export function proposeCalls(turn: DemoTurn): readonly DemoCall[] {
  if (turn.calling === 'never' || turn.toolResults.length > 0) return [];
  const named = askedByName(turn);
  const asked = named.length > 0 ? named : askedInWords(turn);
  const fitting = turn.forced === null ? asked : asked.filter((call) => call.tool.name === turn.forced);
  const calls = fitting.length === 0 && turn.calling === 'must' ? demanded(turn) : fitting;
  return turn.parallel ? calls : calls.slice(0, 1);
}
