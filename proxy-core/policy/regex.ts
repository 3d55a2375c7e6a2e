import { RE2JS } from 're2js';

/**
 * `$regex` in linear time: RE2 syntax (no lookaround, no backreference), found anywhere in the text unless anchored.
 * A policy's author may still write a pattern whose automaton is large, so both the input and the work are bounded;
 * long work is handed out as jobs that the caller answers from a worker (behaviour §4, faults C10).
 */

/** Input characters above which a match is not tried and counts as ambiguous. */
export const REGEX_INPUT_LIMIT = 512 * 1024;
/** Input characters above which a match belongs in a worker. */
const INLINE_INPUT_LIMIT = 64 * 1024;
/** Instructions × characters above which a match belongs in a worker: about 40 ms for the worst pattern measured. */
const INLINE_WORK_LIMIT = 4_000_000;
/** Instructions of one compiled pattern; a larger one is refused when the policy is saved. */
const PROGRAM_LIMIT = 2_000;

/** A pattern compiled once, when its policy version is. */
export interface Pattern {
  readonly source: string;
  /** Instructions, a measure of the cost per character. */
  readonly size: number;
  test(input: string): boolean;
}

/** A match to be done elsewhere: `matchJob(job)` in a worker, then handed back as an answer. */
export interface RegexJob {
  readonly pattern: string;
  readonly input: string;
}

/** What a worker found; null when it gave up (time, crash), which counts as ambiguous. */
export interface RegexAnswer extends RegexJob {
  readonly matched: boolean | null;
}

/** A compiled pattern, or why it cannot be used, in one sentence. */
export type CompiledPattern =
  | { readonly kind: 'pattern'; readonly pattern: Pattern }
  | { readonly kind: 'fault'; readonly message: string };

/** Compile RE2 source. Flags go inside: `(?i)`, `(?s)`, `(?m)`. */
export function compilePattern(source: string): CompiledPattern {
  try {
    const compiled = RE2JS.compile(source);
    const size = compiled.programSize();
    if (size > PROGRAM_LIMIT) return { kind: 'fault', message: `the pattern is too large (${size} instructions)` };
    return { kind: 'pattern', pattern: { source, size, test: (input) => compiled.test(input) } };
  } catch (error) {
    return { kind: 'fault', message: error instanceof Error ? error.message : 'the pattern cannot be read' };
  }
}

/** Whether a match of `length` characters should run in a worker rather than on the calling thread. */
export function needsWorker(length: number, size = 0): boolean {
  return length > INLINE_INPUT_LIMIT || length * size > INLINE_WORK_LIMIT;
}

const CACHE_LIMIT = 1_000;
const compiledJobs = new Map<string, CompiledPattern>();

/** Do a job, in a worker; patterns are compiled once per worker. Null when the pattern does not compile. */
export function matchJob(job: RegexJob): boolean | null {
  const compiled = compiledJobs.get(job.pattern) ?? compilePattern(job.pattern);
  if (compiledJobs.size >= CACHE_LIMIT) compiledJobs.clear();
  compiledJobs.set(job.pattern, compiled);
  return compiled.kind === 'pattern' ? compiled.pattern.test(job.input) : null;
}
