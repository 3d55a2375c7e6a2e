import { type Failure, failure } from '../contract/failures.ts';
import { isRunId } from '../contract/ids.ts';
import type { RunState } from '../contract/records.ts';
import type { ClientSession } from './clients.ts';

/**
 * Which run does a request belong to? Pure: the caller lends look-ups, this file holds the order and the
 * exceptions of behaviour §2. First match wins: explicit name, client session, ids handed out earlier,
 * conversation, the sole recent open run, else a new one.
 */
export interface RunClaims {
  /** From `x-rungate-run-id`. */
  readonly headerRun: string | null;
  /** From the path prefix `/r/RUN_ID`. */
  readonly pathRun: string | null;
  /** `x-rungate-new-run: true`. */
  readonly newRun: boolean;
  readonly session: ClientSession;
  /** Call ids of tool results and ids of earlier answers, newest first. */
  readonly handedOut: readonly { readonly kind: 'tool_call' | 'response'; readonly key: string }[];
  /** Keys of the conversation's earlier lengths, longest first. */
  readonly conversation: readonly string[];
}

/** What is known of a run that was found. */
export interface RunSight {
  readonly runId: string;
  readonly agentId: string;
  readonly state: RunState;
}

/** Look-ups over one agent's runs. Key look-ups answer the agent's *unended* runs filed under the key. */
export interface RunLookup {
  byId(runId: string): RunSight | null;
  byKey(kind: 'session' | 'tool_call' | 'response' | 'conversation' | 'installation', key: string): readonly string[];
  /** Open runs not named explicitly and active within the idle window. */
  idle(): readonly string[];
  /** The agent's most recently stopped run, of those filed under a session if one is given. */
  lastStopped(session: string | null): { readonly runId: string; readonly at: number } | null;
}

export type RunMatch =
  | { readonly kind: 'continues'; readonly runId: string; readonly by: MatchedBy }
  /** A new run; `runId` is set when the agent chose the name. */
  | { readonly kind: 'starts'; readonly runId: string | null }
  | { readonly kind: 'refused'; readonly failure: Failure };

export type MatchedBy = 'name' | 'session' | 'handed_out' | 'conversation' | 'idle_window';

/** After a stop, how long the agent's calls without another client session are refused. */
export const STOP_HOLD_MS = 15 * 60_000;

const starts = (runId: string | null = null): RunMatch => ({ kind: 'starts', runId });
const continues = (runId: string, by: MatchedBy): RunMatch => ({ kind: 'continues', runId, by });
const refused = (reason: Failure): RunMatch => ({ kind: 'refused', failure: reason });

/** Decide the run of a request of agent `agentId` at `now` (epoch ms). */
export function identifyRun(claims: RunClaims, lookup: RunLookup, agentId: string, now: number): RunMatch {
  const match = findMatch(claims, lookup, agentId);
  // The idle window proves nothing about a call: it must not carry a stopped agent on in another of its runs.
  if (match.kind === 'refused' || (match.kind === 'continues' && match.by !== 'idle_window')) return match;
  const held = heldByStop(claims.session.session, lookup, now);
  return held === null ? match : refused(held);
}

function findMatch(claims: RunClaims, lookup: RunLookup, agentId: string): RunMatch {
  const named = claims.headerRun ?? claims.pathRun;
  if (named !== null) return matchNamed(named, claims, lookup, agentId);
  if (claims.newRun) return starts();
  const bySession = matchSession(claims.session, lookup);
  if (bySession !== null) return bySession;
  const handedOut = sole(claims.handedOut.flatMap(({ kind, key }) => lookup.byKey(kind, key)));
  if (handedOut !== null) return continues(handedOut, 'handed_out');
  for (const key of claims.conversation) {
    const found = sole(lookup.byKey('conversation', key));
    if (found !== null) return continues(found, 'conversation');
  }
  const idle = sole(lookup.idle());
  return idle === null ? starts() : continues(idle, 'idle_window');
}

function matchNamed(named: string, claims: RunClaims, lookup: RunLookup, agentId: string): RunMatch {
  if (claims.headerRun !== null && claims.pathRun !== null && claims.headerRun !== claims.pathRun) {
    return refused(
      failure('invalid_request', 'The x-rungate-run-id header and the path prefix /r/… name different runs.', {
        recover: 'Send one of the two, or the same id in both.',
      }),
    );
  }
  if (!isRunId(named)) {
    return refused(
      failure('invalid_request', 'The run id is not valid: use 1 to 128 of A-Z a-z 0-9 . _ : -', {
        recover: 'Choose an id that matches [A-Za-z0-9._:-]{1,128}.',
      }),
    );
  }
  const run = lookup.byId(named);
  if (run === null) return starts(named);
  if (run.agentId !== agentId) return refused(failure('not_found', `No run ${named} for this agent.`));
  return run.state === 'open' || run.state === 'waiting'
    ? continues(run.runId, 'name')
    : refused(endedFailure(run.runId, run.state));
}

/** The refusal for a call into a run that has ended. */
export function endedFailure(runId: string, state: 'completed' | 'stopped'): Failure {
  if (state === 'stopped') return stoppedFailure(runId);
  return failure('run_ended', `Run ${runId} is completed; start a new run.`, {
    run_id: runId,
    recover: 'Send another x-rungate-run-id, or none.',
  });
}

function stoppedFailure(runId: string): Failure {
  return failure('run_stopped', `Run ${runId} was stopped by the operator.`, {
    run_id: runId,
    recover: 'Ask the person who stopped it. A new client session may start a new run.',
  });
}

/**
 * A session decides alone: one that is not known yet starts a run even though its history may hold ids of
 * another run (a forked session is a new run).
 */
function matchSession(session: ClientSession, lookup: RunLookup): RunMatch | null {
  if (session.session !== null) {
    const own = sole(lookup.byKey('session', session.session));
    if (own !== null) return continues(own, 'session');
    const alias = sole(session.aliases.flatMap((key) => lookup.byKey('session', key)));
    if (alias !== null) return continues(alias, 'session');
    return starts();
  }
  if (session.installation === null) return null;
  const tied = lookup.byKey('installation', session.installation)[0];
  return tied === undefined ? starts() : continues(tied, 'session');
}

/** Why no run may be started at `now` (epoch ms): within the hold after a stop, only another client session may. */
export function heldByStop(session: string | null, lookup: RunLookup, now: number): Failure | null {
  const stopped = lookup.lastStopped(session);
  return stopped === null || now - stopped.at >= STOP_HOLD_MS ? null : stoppedFailure(stopped.runId);
}

/** The only distinct id of a list, or null when there is none or more than one. */
function sole(ids: readonly string[]): string | null {
  const first = ids[0];
  return first !== undefined && ids.every((id) => id === first) ? first : null;
}
