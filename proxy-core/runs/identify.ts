import { type Failure, failure } from '../contract/failures.ts';
import { isRunId } from '../contract/ids.ts';
import type { RunState } from '../contract/records.ts';
import type { ClientSession } from './client-session.ts';
import type { Opening } from './opening.ts';

/**
 * Which run does a request belong to? Pure: the caller lends look-ups, this file holds the order and the exceptions of
 * behaviour §2, whose rules are numbered as there. First match wins: (1) an explicit name, (2) the client's session,
 * (3) the same request again, (4) ids handed out earlier, (5) the conversation, (6) a subagent's prompt, (7) a compacted
 * conversation, (8) for calls that could not begin a session the latest run, else (9) a new run or one that a title began.
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
  /** Begins a session as far as can be seen, or joins one: declared tools, turns of the model, a forced tool. */
  readonly opening: Pick<Opening, 'declaresTools' | 'modelTurn' | 'history' | 'forcedTool'>;
  /** Counting tokens: never a session's first call. */
  readonly counts: boolean;
}

/** What is known of a run that was found. */
export interface RunSight {
  readonly runId: string;
  readonly agentId: string;
  readonly state: RunState;
}

/** A run that something was filed under, and the subagent it was filed for. */
export interface Filed {
  readonly runId: string;
  readonly subagent: string | null;
}

/** Look-ups over one agent's runs. Key look-ups answer the agent's *unended* runs filed under the key. */
export interface RunLookup {
  byId(runId: string): RunSight | null;
  byKey(kind: 'session' | 'tool_call' | 'response' | 'conversation' | 'installation', key: string): readonly Filed[];
  /** The unended run of an exchange with this very request that has had no complete answer. */
  sameRequest(): Filed | null;
  /** The call that this request's prompt is an argument of; `within`: of this run only. */
  promptCall(within: string | null): Filed | null;
  /** The open run that lately gave an answer of which this request holds a long passage. */
  compacted(): string | null;
  /** The most recently active open run not named explicitly and active within the idle window. */
  latest(): string | null;
  /** The run that a call without tools of the same client began a moment ago and that has no call with tools yet. */
  titled(): string | null;
  /** The agent's most recently stopped run, unless the agent was let start runs again. */
  lastStopped(): { readonly runId: string; readonly at: number } | null;
}

export type RunMatch =
  | { readonly kind: 'continues'; readonly runId: string; readonly by: MatchedBy; readonly subagent: string | null }
  /** A new run; `runId` is set when the agent chose the name. */
  | { readonly kind: 'starts'; readonly runId: string | null }
  | { readonly kind: 'refused'; readonly failure: Failure };

export type MatchedBy =
  | 'name'
  | 'session'
  | 'same_request'
  | 'handed_out'
  | 'conversation'
  | 'subagent'
  | 'compacted'
  | 'idle_window'
  | 'title';

/** Whose request it is. */
export interface CallingAgent {
  readonly agentId: string;
  readonly name: string;
}

/** After a stop, how long the agent's calls outside runs that were open before are refused. */
export const STOP_HOLD_MS = 15 * 60_000;

const starts = (runId: string | null = null): RunMatch => ({ kind: 'starts', runId });
const continues = (runId: string, by: MatchedBy, subagent: string | null = null): RunMatch => ({
  kind: 'continues',
  runId,
  by,
  subagent,
});
const refused = (reason: Failure): RunMatch => ({ kind: 'refused', failure: reason });

/** Decide the run of a request of `agent` at `now` (epoch ms). */
export function identifyRun(claims: RunClaims, lookup: RunLookup, agent: CallingAgent, now: number): RunMatch {
  const match = findMatch(claims, lookup, agent.agentId);
  // The last two rules prove nothing about a call: they must not carry a stopped agent on in another of its runs.
  if (match.kind === 'refused' || (match.kind === 'continues' && match.by !== 'idle_window' && match.by !== 'title'))
    return match;
  const held = heldByStop(agent, lookup, now);
  return held === null ? match : refused(held);
}

function findMatch(claims: RunClaims, lookup: RunLookup, agentId: string): RunMatch {
  const named = claims.headerRun ?? claims.pathRun;
  if (named !== null) return withSubagent(matchNamed(named, claims, lookup, agentId), claims, lookup);
  if (claims.newRun) return starts();
  const bySession = matchSession(claims.session, lookup);
  if (bySession !== null) return withSubagent(bySession, claims, lookup);
  return matchShown(claims, lookup) ?? matchQuiet(claims, lookup) ?? starts();
}

/** What the request itself shows of where it comes from: rules 3 to 7. */
function matchShown(claims: RunClaims, lookup: RunLookup): RunMatch | null {
  const again = lookup.sameRequest();
  if (again !== null) return continues(again.runId, 'same_request', again.subagent);
  const handedOut = sole(claims.handedOut.flatMap(({ kind, key }) => lookup.byKey(kind, key)));
  if (handedOut !== null) return continues(handedOut.runId, 'handed_out', handedOut.subagent);
  for (const key of claims.conversation) {
    const found = sole(lookup.byKey('conversation', key));
    if (found !== null) return continues(found.runId, 'conversation', found.subagent);
  }
  if (!beginsSession(claims)) return null;
  const call = lookup.promptCall(null);
  if (call !== null) return continues(call.runId, 'subagent', call.subagent);
  const compacted = lookup.compacted();
  return compacted === null ? null : continues(compacted, 'compacted');
}

/** Rules 8 and 9: a call that cannot begin a session joins the latest run; one that can takes over what a title began. */
function matchQuiet({ opening, counts }: RunClaims, lookup: RunLookup): RunMatch | null {
  if (counts || (!opening.history && (!opening.declaresTools || opening.forcedTool))) {
    const latest = lookup.latest();
    return latest === null ? null : continues(latest, 'idle_window');
  }
  const titled = opening.declaresTools ? lookup.titled() : null;
  return titled === null ? null : continues(titled, 'title');
}

const beginsSession = ({ opening, counts }: RunClaims): boolean =>
  opening.declaresTools && !opening.modelTurn && !counts;

/** In a run that was named or is the session's, the subagent of a client that does not name it itself. */
function withSubagent(match: RunMatch, claims: RunClaims, lookup: RunLookup): RunMatch {
  const { session } = claims;
  if (match.kind !== 'continues') return match;
  const mayBe = session.unnamedSubagent || (session.session === null && session.subagent === null);
  if (!mayBe || session.side !== null) return match;
  const known = [
    ...claims.handedOut.flatMap(({ kind, key }) => lookup.byKey(kind, key)),
    ...claims.conversation.flatMap((key) => lookup.byKey('conversation', key)),
  ].find(({ runId }) => runId === match.runId);
  const found = known ?? (beginsSession(claims) ? lookup.promptCall(match.runId) : null);
  return found === null || found === undefined ? match : { ...match, subagent: found.subagent };
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
    recover: 'Ask the person who stopped it.',
  });
}

/**
 * A session decides alone: one that is not known yet starts a run even though its history may hold ids of
 * another run (a forked session is a new run).
 */
function matchSession(session: ClientSession, lookup: RunLookup): RunMatch | null {
  if (session.session !== null) {
    const own = sole(lookup.byKey('session', session.session));
    if (own !== null) return continues(own.runId, 'session');
    const alias = sole(session.aliases.flatMap((key) => lookup.byKey('session', key)));
    if (alias !== null) return continues(alias.runId, 'session');
    return starts();
  }
  if (session.installation === null) return null;
  const tied = lookup.byKey('installation', session.installation)[0];
  return tied === undefined ? starts() : continues(tied.runId, 'session');
}

/** Why an agent may start no run at `now` (epoch ms), or null: one of its runs was stopped a moment ago. */
export function heldByStop(
  { name }: Pick<CallingAgent, 'name'>,
  lookup: Pick<RunLookup, 'lastStopped'>,
  now: number,
): Failure | null {
  const stopped = lookup.lastStopped();
  if (stopped === null || now - stopped.at >= STOP_HOLD_MS) return null;
  const resume = `rungate resume --agent ${name}`;
  const minutes = Math.ceil((stopped.at + STOP_HOLD_MS - now) / 60_000);
  const wait = minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return failure(
    'run_stopped',
    `A run of this agent was stopped by the operator: no new ones for ${wait}, or until: ${resume}`,
    {
      run_id: stopped.runId,
      until: new Date(stopped.at + STOP_HOLD_MS).toISOString(),
      recover: `Ask the person who stopped it. They let the agent start runs again in the console or with: ${resume}`,
    },
  );
}

/** The filing that all of a list agree on, or null when there is none or they name more than one run. */
function sole(filed: readonly Filed[]): Filed | null {
  const first = filed[0];
  return first !== undefined && filed.every(({ runId }) => runId === first.runId) ? first : null;
}
