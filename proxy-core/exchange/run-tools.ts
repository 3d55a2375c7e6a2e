import { parseArguments } from '../policy/arguments.ts';
import { qualifiedName } from '../policy/tool-names.ts';
import { readTyped, readTypedInput, type TypedLine, type TypedLines } from '../policy/typed-input.ts';
import type { ToolCall } from '../wire/format.ts';
import type { LiveRun } from './run-directory.ts';

/**
 * What a run has done with its tools that later calls are read by: the names it has used, and what it typed into running programs
 * without a line end. Kept in memory for as long as the run is live, bounded; a restart forgets it, which only ever makes
 * a reading of doubt count less for `allow`.
 */
export interface RunTools {
  readonly used: ReadonlySet<string>;
  readonly typed: TypedLines;
}

interface Kept {
  readonly used: Set<string>;
  readonly programs: Map<string, Line>;
}

/** A program's line, with the call that typed last, so that judging that call again reads the same. */
interface Line {
  readonly callId: string | null;
  readonly before: TypedLine | null;
  readonly after: TypedLine | null;
}

const NAMES = 512;
const NAME_LENGTH = 256;
const PROGRAMS = 64;

const kept = new WeakMap<LiveRun, Kept>();

const keptOf = (run: LiveRun): Kept => {
  const known = kept.get(run) ?? { used: new Set<string>(), programs: new Map<string, Line>() };
  kept.set(run, known);
  return known;
};

/** What is known of a run's tools now. */
export function runTools(run: LiveRun): RunTools {
  const { used, programs } = keptOf(run);
  const before = (program: string, callId: string | null): TypedLine | null => {
    const line = programs.get(program);
    if (line === undefined) return null;
    return callId !== null && line.callId === callId ? line.before : line.after;
  };
  return { used, typed: { before } };
}

/** A call has been handed to the agent, or may be once somebody approves it. */
export function noteCall(run: LiveRun, call: ToolCall, tools: readonly string[]): void {
  const { used, programs } = keptOf(run);
  for (const name of tools) if (used.size < NAMES) used.add(name.slice(0, NAME_LENGTH));
  const parsed = call.kind === 'function' ? parseArguments(call.argsText) : null;
  const typed = parsed?.kind === 'parsed' ? readTypedInput(qualifiedName(call), parsed.value) : null;
  if (typed === null) return;
  const before = runTools(run).typed.before(typed.program, call.id);
  programs.delete(typed.program);
  programs.set(typed.program, { callId: call.id, before, after: readTyped(typed.text, before).rest });
  const [oldest] = programs.keys();
  if (programs.size > PROGRAMS && oldest !== undefined) programs.delete(oldest);
}
