import { type ArgValue, isList, isObject } from './arguments.ts';
import { splitServer } from './tool-kinds.ts';

/**
 * Text that a call types into a program which is already running: a shell, a console. It takes effect at the end of its line, so it
 * is read together with what was typed since the last one (behaviour §4).
 */

/** What one call types. */
export interface TypedInput {
  /** The program, as the client names it; empty where it names none. */
  readonly program: string;
  /** As typed, keys as the characters they send. */
  readonly text: string;
}

/** What stands typed in a program without its line end. */
export interface TypedLine {
  readonly text: string;
  /** It is longer than is kept, or the cursor was moved in it: what it says cannot be told. */
  readonly unclear: boolean;
}

/** What was typed into the programs of a run before a call. */
export interface TypedLines {
  before(program: string, callId: string | null): TypedLine | null;
}

/** What a program has been told once a call has typed. */
export interface TypedReading {
  /** The line as it stood with what was typed. */
  readonly text: string;
  /** What is left without a line end. */
  readonly rest: TypedLine | null;
  readonly unclear: boolean;
}

/** Names in lower snake case: Codex, Copilot, VS Code, Desktop Commander, tmux and terminal servers. */
const TYPING = [
  /(^|_)write_(stdin|bash|shell|terminal|pty|process|powershell)$/,
  /(^|_)(write|send|type|paste|input|interact|submit)(_(text|keys?|keystrokes|input|line|data|command))?_(to|in|into|with)_(the_)?(active_)?(terminal|shell|process|pty|tmux|pane|session|stdin|console|bash|iterm|repl)/,
  /(^|_)(terminal|shell|process|pty|tmux|pane|stdin|console|bash|iterm|repl)_(write|send|input|type|paste|keys|send_keys|send_text|send_input|submit|stdin)$/,
  /(^|_)send_(keys|keystrokes|stdin)$/,
];
/** Tools that do several things, told apart by an argument (OpenClaw 2026.9.6 `process`). */
const SEVERAL = /^(process|terminal|tmux|pty|shell_session|terminal_session|console|session)$/;
const TYPING_ACTIONS = /^(write|send[-_]?(keys?|text|input|line)?|paste|submit|input|type|stdin|keys)$/i;
const TEXT_KEYS = [
  'data',
  'input',
  'text',
  'chars',
  'keys',
  'key',
  'literal',
  'command',
  'value',
  'content',
  'stdin',
  'line',
  'keystrokes',
];
const PROGRAM_KEYS = [
  'session_id',
  'sessionId',
  'session',
  'pid',
  'process_id',
  'processId',
  'terminal_id',
  'terminalId',
  'terminal',
  'pane_id',
  'paneId',
  'pane',
  'target',
  'window',
  'shell_id',
  'shellId',
  'bash_id',
  'id',
  'name',
];
/** A finished line where the tool adds the line end itself. */
const ENTERS = new Set(['command', 'line']);

const plainName = (name: string): string =>
  (splitServer(name)?.tool ?? name)
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z\d]+/g, '_')
    .toLowerCase();

/** Whether a tool of this name may type into running programs: always, or by one of the things it does. */
export const mayType = (name: string): boolean => isTypingTool(name) || SEVERAL.test(plainName(name));

const isTypingTool = (name: string): boolean => TYPING.some((shape) => shape.test(plainName(name)));

/** What a call types; null when it types nothing. */
export function readTypedInput(tool: string, value: ArgValue): TypedInput | null {
  if (!isObject(value)) return null;
  const given = value.get('action') ?? value.get('operation') ?? value.get('command');
  const action = typeof given === 'string' ? given.trim() : '';
  const name = plainName(tool);
  const acts = SEVERAL.test(name) && TYPING_ACTIONS.test(action);
  if (!acts && !isTypingTool(tool)) return null;
  const keys = TEXT_KEYS.filter((key) => !(acts && value.get(key) === given));
  const pieces = keys.flatMap((key) => piecesOf(key, value.get(key)));
  const hex = value.get('hex');
  // Not as the arguments of one call: a list of some hundred thousand is more than the stack takes.
  if (hex !== undefined && isList(hex)) for (const item of hex) pieces.push(fromHex(item));
  if (pieces.length === 0 && !/submit/i.test(action)) return null;
  return { program: programOf(value), text: `${pieces.join('')}${endOf(value, name, action)}` };
}

function piecesOf(key: string, given: ArgValue | undefined): string[] {
  const texts = given === undefined || given === null ? [] : isList(given) ? given : [given];
  const written = texts.filter((text) => typeof text === 'string');
  const typed = isList(given ?? null) || key === 'key' || key === 'keys' ? written.map(keyOf) : written.map(inBraces);
  return ENTERS.has(key) && typed.length > 0 ? [...typed, '\n'] : typed;
}

function endOf(value: ReadonlyMap<string, ArgValue>, name: string, action: string): string {
  const enters = ['enter', 'press_enter', 'pressEnter', 'submit', 'eof', 'newline', 'add_newline', 'execute'];
  const asked = enters.some((key) => value.get(key) === true);
  return asked || /submit/i.test(action) || /interact_with|_submit$/.test(name) ? '\n' : '';
}

const programOf = (value: ReadonlyMap<string, ArgValue>): string => {
  for (const key of PROGRAM_KEYS) {
    const found = value.get(key);
    if (typeof found === 'string' || typeof found === 'number') return String(found).slice(0, 128);
  }
  return '';
};

const KEYS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    enter: '\n',
    return: '\n',
    kpenter: '\n',
    cr: '\n',
    space: ' ',
    tab: '\t',
    bspace: '\x7f',
    backspace: '\x7f',
    escape: '\x1b',
    esc: '\x1b',
    up: '\x1b[A',
    down: '\x1b[B',
    right: '\x1b[C',
    left: '\x1b[D',
    home: '\x1b[H',
    end: '\x1b[F',
    delete: '\x1b[3~',
    dc: '\x1b[3~',
    ppage: '\x1b[5~',
    npage: '\x1b[6~',
    pageup: '\x1b[5~',
    pagedown: '\x1b[6~',
  }),
);

/** A key as tmux names it (`Enter`, `C-c`, `M-x`), else the text itself. */
function keyOf(token: string): string {
  const named = KEYS.get(token.toLowerCase());
  if (named !== undefined) return named;
  const control = /^(?:C-|\^|ctrl[-+])([a-z@[\\\]^_])$/i.exec(token)?.[1];
  if (control !== undefined) return String.fromCharCode(control.toUpperCase().charCodeAt(0) & 31);
  return inBraces(token);
}

/** Copilot CLI 1.0.102 writes keys inside text: `{enter}`, `{up}`. */
const inBraces = (text: string): string =>
  text.replace(
    /[{<](enter|return|cr|tab|space|backspace|up|down|left|right|home|end|escape)[}>]/gi,
    (_, key: string) => KEYS.get(key.toLowerCase()) ?? '',
  );

const fromHex = (item: ArgValue): string => {
  const code = typeof item === 'string' ? Number.parseInt(item, 16) : item;
  return typeof code === 'number' && code >= 0 && code < 128 ? String.fromCharCode(code) : '';
};

const LINE_LIMIT = 64 * 1024;
const KEPT = 8 * 1024;
const ESCAPE = '\u001b';
/** A control sequence, a keypad key, or a command of the line editor (`ESC b`); the escape key alone otherwise. */
const ESCAPES = new RegExp(`${ESCAPE}(?:\\[[\\d;?]*[ -/]*[@-~]|O[A-Z]|[bfdtulcyr._<>*])?`, 'g');
const PASTE_MARKS = new RegExp(`${ESCAPE}\\[20[01]~`, 'g');

/** Read what a call types after what stands typed already, as a line editor would take it. */
export function readTyped(typed: string, before: TypedLine | null): TypedReading {
  const edited = editLine(
    (before?.text ?? '') + typed.slice(0, LINE_LIMIT).replace(PASTE_MARKS, '').replace(/\r\n?/g, '\n'),
  );
  const cut = typed.length > LINE_LIMIT;
  const unclear = cut || edited.moved || before?.unclear === true;
  const last = lastLineStart(edited.text);
  const rest = edited.text.slice(last);
  const movedInRest = edited.movedAt >= last || (before?.unclear === true && last === 0);
  return {
    text: edited.text,
    unclear,
    rest: rest === '' ? null : { text: rest.slice(-KEPT), unclear: cut || movedInRest || rest.length > KEPT },
  };
}

/** Where the line that is not ended begins; a line end behind a backslash ends nothing. */
function lastLineStart(text: string): number {
  for (let at = text.lastIndexOf('\n'); at >= 0; at = text.lastIndexOf('\n', at - 1)) {
    if (text[at - 1] !== '\\') return at + 1;
    if (at === 0) break;
  }
  return 0;
}

interface Edited {
  readonly text: string;
  /** The cursor was moved within a line that holds text. */
  readonly moved: boolean;
  readonly movedAt: number;
}

/** Apply erasing keys; drop the others and say where a line was edited out of sight. */
function editLine(typed: string): Edited {
  const moves: number[] = [];
  const kept: string[] = [];
  let start = 0;
  const put = (text: string): void => {
    for (const mark of text.split('')) {
      if (mark === '\x7f' || mark === '\b') kept.splice(Math.max(start, kept.length - 1));
      else if (mark === '\x15' || mark === '\x03' || mark === '\x1a') kept.splice(start);
      else if (mark === '\x17') eraseWord(kept, start);
      else if (mark < ' ' && mark !== '\n' && mark !== '\t') moves.push(kept.length);
      else kept.push(mark);
      if (mark === '\n') start = kept.length;
    }
  };
  let from = 0;
  for (const found of typed.matchAll(ESCAPES)) {
    put(typed.slice(from, found.index));
    // The escape key alone leaves a mode of an editor; it moves nothing in a shell's line.
    if (found[0].length > 1) moves.push(kept.length);
    from = found.index + found[0].length;
  }
  put(typed.slice(from));
  const inText = moves.filter((at) => at > 0 && kept[at - 1] !== '\n');
  return { text: kept.join(''), moved: inText.length > 0, movedAt: inText.at(-1) ?? -1 };
}

function eraseWord(kept: string[], start: number): void {
  let end = kept.length;
  while (end > start && /\s/.test(kept[end - 1] ?? '')) end -= 1;
  while (end > start && !/\s/.test(kept[end - 1] ?? '')) end -= 1;
  kept.splice(end);
}
