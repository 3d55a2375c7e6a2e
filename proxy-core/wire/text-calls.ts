import type { ToolCall } from './format.ts';
import { isToolName, jsonCalls, saidInText } from './text-arguments.ts';
import { TEXT_PROTOCOLS, type TextProtocol } from './text-protocols.ts';

/**
 * Calls that a model writes as text, for agents that declare no tools and read its words instead. Read as the text comes, line
 * by line and once: what is kept is the line under way and one call that has begun, both bounded. It tells, it withholds
 * nothing; so what may as well be prose, a quotation or an example counts as that.
 */

/** A call, and the way it was written. */
export interface TextCall {
  readonly call: ToolCall;
  /** As a person knows it: `Cline XML`. */
  readonly protocol: string;
}

/** Reads the text of one answer. */
export interface TextCallReader {
  /** The next piece, cut anywhere. */
  push(text: string): void;
  /** No more text will come: the calls that were found, at most 16. */
  end(): readonly TextCall[];
}

const MOST_CALLS = 16;
/** Characters of a call that are kept; its end is looked for behind them too. */
const KEPT = 16 * 1024;
/** A longer line is read in pieces, cut before a tag where one stands near the end of a piece. */
const LINE = 8 * 1024;
const NEAR = 512;

const OPENINGS = TEXT_PROTOCOLS.map(({ opens }) => `(${opens})`).join('|');
const OPENING = new RegExp(OPENINGS, 'g');
const BEGINS_LINE = new RegExp(`^\\s{0,3}(?:${OPENINGS})`);
const FENCE = /^\s{0,12}(`{3,}|~{3,})\s*([\w+-]*)\s*$/;
const COHERE = /^\s{0,3}Action:\s*`{3}json\s*$/;
const ACTION = /^\s{0,3}[*_]{0,2}Action[*_]{0,2}:[*_]{0,2}\s*`?([\w.:-]{1,64})`?\s*$/;
const ACTION_INPUT = /^\s{0,3}[*_]{0,2}Action Input[*_]{0,2}:[*_]{0,2}\s*(.*)$/;
const AFTER_INPUT = /^\s{0,3}[*_]{0,2}(?:Observation|Thought|Action|Final Answer)\b[^:]{0,12}:/;
const BRACKETED = /^\s{0,3}Action(?: \d{1,3})?:\s*([A-Za-z]\w{0,40})\[(.*)\]\s*$/;
/** Fences whose very name says that they hold calls, and those that hold one only where it ends the answer. */
const CALL_FENCES: ReadonlySet<string> = new Set([
  'tool',
  'tool_call',
  'tool_calls',
  'tool_code',
  'tool_use',
  'action',
]);
const DATA_FENCES: ReadonlySet<string> = new Set(['', 'json', 'json5', 'jsonc', 'xml']);
const QUOTED = /[`"'“‘]$/;

interface Capture {
  readonly protocol: TextProtocol;
  readonly opening: string;
  readonly closes: readonly string[];
  readonly fenced: boolean;
  body: string;
}

interface Fence {
  readonly mark: string;
  readonly name: string;
  body: string;
}

interface State {
  readonly found: TextCall[];
  /** Calls inside a fence that was the last thing said: words behind it make them an example. */
  pending: TextCall[];
  line: string;
  /** What is read next is no line of its own but goes on with the one before. */
  continued: boolean;
  capture: Capture | null;
  fence: Fence | null;
  /** ReAct: the action that waits for its input, and the input that has begun. */
  action: string | null;
  input: { readonly name: string; text: string } | null;
  thought: boolean;
  /** The answer so far, while all of it may be one JSON document. */
  document: string | null;
}

/** A reader for one answer. */
export function createTextCallReader(): TextCallReader {
  const state: State = {
    found: [],
    pending: [],
    line: '',
    continued: false,
    capture: null,
    fence: null,
    action: null,
    input: null,
    thought: false,
    document: '',
  };
  const isFull = (): boolean => state.found.length >= MOST_CALLS;
  return {
    push(text) {
      if (isFull()) return;
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        extend(state, text.slice(from, end));
        readLine(state, `${state.line}\n`);
        state.line = '';
        state.continued = false;
        from = end + 1;
      }
      extend(state, text.slice(from));
    },
    end() {
      if (state.line !== '') readLine(state, state.line);
      state.line = '';
      finish(state);
      return [...state.found, ...state.pending].slice(0, MOST_CALLS);
    },
  };
}

/** Add to the line under way; one that grows long is read in pieces. */
function extend(state: State, text: string): void {
  state.line += text;
  while (state.line.length > LINE) {
    const tag = state.line.lastIndexOf('<', LINE);
    const cut = tag > LINE - NEAR ? tag : LINE;
    readLine(state, state.line.slice(0, cut));
    state.line = state.line.slice(cut);
    state.continued = true;
  }
}

function readLine(state: State, line: string): void {
  noteDocument(state, line);
  if (state.capture !== null) {
    readCaptured(state, state.capture, line);
    return;
  }
  if (!state.continued && readFence(state, line)) return;
  if (state.fence === null) {
    if (line.trim() !== '') state.pending = [];
    if (!state.continued) readReact(state, line);
  } else keepFenced(state.fence, line);
  readOpening(state, line, 0);
}

/** An answer that begins like JSON may be one call and nothing else. */
function noteDocument(state: State, line: string): void {
  if (state.document === null) return;
  if (state.document === '' && line.trim() === '') return;
  const isOther = state.document === '' && !/^\s*(?:\{|\[\s*(?:\{|$))/.test(line);
  state.document = isOther || state.document.length + line.length > KEPT ? null : state.document + line;
}

/** Whether the line begins or ends a fence. */
function readFence(state: State, line: string): boolean {
  const { fence } = state;
  const mark = COHERE.test(line) ? ['', '```', 'action'] : FENCE.exec(line);
  if (mark === null) return false;
  const [, ticks = '', name = ''] = mark;
  if (fence === null) {
    state.fence = { mark: ticks, name: name.toLowerCase(), body: '' };
    return true;
  }
  if (name !== '' || !ticks.startsWith(fence.mark)) return false;
  closeFence(state, fence);
  return true;
}

function keepFenced(fence: Fence, line: string): void {
  if (fence.body.length < KEPT) fence.body += line.slice(0, KEPT - fence.body.length);
}

function closeFence(state: State, fence: Fence): void {
  state.fence = null;
  const says = CALL_FENCES.has(fence.name);
  if (!says && !DATA_FENCES.has(fence.name)) return;
  const calls = fence.name === 'tool_code' ? codeCalls(fence.body) : jsonCalls(fence.body);
  const read = calls.map((call) => ({ call, protocol: says ? 'calls in fences' : 'JSON in fences' }));
  if (says) state.found.push(...read);
  else state.pending.push(...read);
}

/** Gemma’s `print(default_api.search(query="x"))`. */
function codeCalls(body: string): readonly ToolCall[] {
  const name = /^\s*(?:print\()?\s*(?:default_api\.)?([A-Za-z_][\w.]{0,63})\(/.exec(body)?.[1];
  return name === undefined ? [] : [saidInText(name, { code: body.trim() })];
}

/** `Action:` and `Action Input:` in two lines, or `Action: search[words]` behind a thought. */
function readReact(state: State, line: string): void {
  const text = line.endsWith('\n') ? line.slice(0, -1) : line;
  if (state.input !== null) {
    if (!AFTER_INPUT.test(text)) {
      if (state.input.text.length < KEPT) state.input.text += `\n${text}`;
      return;
    }
    endInput(state);
  }
  const input = state.action === null ? null : ACTION_INPUT.exec(text);
  if (input !== null && state.action !== null) state.input = { name: state.action, text: input[1] ?? '' };
  const bracketed = state.thought ? BRACKETED.exec(text) : null;
  if (bracketed !== null && bracketed[1]?.toLowerCase() !== 'finish')
    state.found.push({ call: saidInText(bracketed[1] ?? '', bracketed[2] ?? ''), protocol: 'ReAct' });
  state.thought ||= /^\s{0,3}[*_]{0,2}Thought\b/.test(text);
  if (text.trim() !== '') state.action = ACTION.exec(text)?.[1] ?? null;
}

function endInput(state: State): void {
  if (state.input === null) return;
  const { name, text } = state.input;
  state.input = null;
  if (isToolName(name)) state.found.push({ call: saidInText(name, text.trim()), protocol: 'ReAct' });
}

/** Look for the openings of a line from a place on. */
function readOpening(state: State, line: string, from: number): void {
  OPENING.lastIndex = from;
  for (let found = OPENING.exec(line); found !== null; found = OPENING.exec(line)) {
    const protocol = TEXT_PROTOCOLS[found.slice(1).findIndex((group) => group !== undefined)];
    const before = line.slice(0, found.index);
    if (protocol === undefined || QUOTED.test(before)) continue;
    const isAtStart = !state.continued && before.length <= 3 && before.trim() === '';
    if (protocol.atLineStart === true && !isAtStart) continue;
    const [text] = found;
    const capture = { protocol, opening: text, closes: protocol.closes(text), fenced: state.fence !== null, body: '' };
    state.capture = capture;
    readCaptured(state, capture, line.slice(found.index + text.length));
    return;
  }
}

/** The rest of a call that has begun: up to its end, or to another call that begins a line in its stead. */
function readCaptured(state: State, capture: Capture, line: string): void {
  const ends = capture.closes.flatMap((close) => {
    const at = line.indexOf(close);
    return at === -1 ? [] : [{ at, close }];
  });
  const [first] = ends.sort((a, b) => a.at - b.at);
  if (first === undefined) {
    if (restarts(state, capture, line)) return;
    if (capture.body.length < KEPT) capture.body += line.slice(0, KEPT - capture.body.length);
    return;
  }
  capture.body += line.slice(0, Math.min(first.at, KEPT));
  state.capture = null;
  noteCaptured(state, capture);
  readOpening(state, line, first.at + first.close.length);
}

/** What was never closed must not hide what follows. */
function restarts(state: State, capture: Capture, line: string): boolean {
  const stays = capture.body === '' || state.continued || capture.protocol.title === 'patches';
  if (stays || !BEGINS_LINE.test(line)) return false;
  state.capture = null;
  if (capture.protocol.openEnded === true) noteCaptured(state, capture);
  readOpening(state, line, 0);
  return true;
}

function noteCaptured(state: State, capture: Capture): void {
  const { protocol, opening, body, fenced } = capture;
  const read = protocol.read(opening, body).map((call) => ({ call, protocol: protocol.title }));
  if (fenced && protocol.title !== 'edit blocks') state.pending.push(...read);
  else state.found.push(...read);
}

/** The end of the answer ends what models leave open. */
function finish(state: State): void {
  const { capture, fence } = state;
  if (capture?.protocol.openEnded === true) noteCaptured(state, capture);
  endInput(state);
  if (fence !== null) closeFence(state, fence);
  if (state.document !== null && state.found.length === 0 && state.pending.length === 0)
    state.found.push(...jsonCalls(state.document).map((call) => ({ call, protocol: 'JSON' })));
}
