import type { Failure } from '../../proxy-core/contract/failures.ts';
import type { FeedState } from '../../proxy-core/contract/feed.ts';
import type { Preferences } from '../../proxy-core/contract/host.ts';
import { DEFAULT_PREFERENCES, type HostRecord, type NoticeRecord } from '../../proxy-core/contract/host.ts';
import type { CoreStatus, Snapshot } from '../../proxy-core/contract/operations/core.ts';
import type { GateRecord, GrantRecord } from '../../proxy-core/contract/records.ts';

/**
 * What the console knows of the core: a snapshot and every event since. Truth stays in the core; nothing here is
 * guessed ahead of it. Lists that are paged (runs, history) are loaded by their screens and only told here what to
 * reload.
 */
export interface ConsoleState {
  readonly connection: 'starting' | FeedState | 'signed_out' | 'failed';
  /** Why the first snapshot could not be loaded, or null. */
  readonly problem: string | null;
  /** Why a launch address did not sign this browser in, or null. */
  readonly signInProblem: string | null;
  /** How this browser can be signed in, as the core told it; null before that. */
  readonly signIn: SignIn | null;
  readonly status: CoreStatus | null;
  readonly host: HostRecord | null;
  readonly preferences: Preferences;
  /** Core time minus this machine's time, ms: countdowns follow the core's clock. */
  readonly clockOffset: number;
  /** Gates that matter now, by id: pending, and decided ones until a new snapshot. */
  readonly gates: ReadonlyMap<string, GateRecord>;
  readonly snoozed: ReadonlyMap<string, number>;
  readonly grants: readonly GrantRecord[];
  readonly callsToday: number;
  readonly runsTotal: number;
  /** Runs that changed, with the sequence of the latest event on each: screens that show one load it anew. */
  readonly changedRuns: ReadonlyMap<string, number>;
  /** Grows with every event that a paged list may depend on. */
  readonly revision: Readonly<
    Record<'runs' | 'gates' | 'grants' | 'keys' | 'budgets' | 'telemetry' | 'retention', number>
  >;
  readonly notices: readonly NoticeRecord[];
  /** Exports under way: how far each is. */
  readonly exports: ReadonlyMap<string, { readonly done: number; readonly of: number }>;
}

/** A command that prints a fresh address, and where it works if not everywhere. */
export interface SignIn {
  readonly command: string;
  readonly where: string | null;
}

/** What a refusal says of signing in, or null. */
export function signInOf({ context }: Failure): SignIn | null {
  const told = context['sign_in'];
  if (typeof told !== 'object' || told === null || !('command' in told) || !('where' in told)) return null;
  const { command, where } = told;
  return typeof command === 'string' ? { command, where: typeof where === 'string' ? where : null } : null;
}

export const STARTING: ConsoleState = {
  connection: 'starting',
  problem: null,
  signInProblem: null,
  signIn: null,
  status: null,
  host: null,
  preferences: DEFAULT_PREFERENCES,
  clockOffset: 0,
  gates: new Map(),
  snoozed: new Map(),
  grants: [],
  callsToday: 0,
  runsTotal: 0,
  changedRuns: new Map(),
  revision: { runs: 0, gates: 0, grants: 0, keys: 0, budgets: 0, telemetry: 0, retention: 0 },
  notices: [],
  exports: new Map(),
};

/** The state a snapshot gives. `here` is this machine's clock, epoch ms. Every paged list is stale after it. */
export const loaded = (before: ConsoleState, snapshot: Snapshot, here: number): ConsoleState => ({
  ...before,
  connection: 'live',
  problem: null,
  signInProblem: null,
  status: snapshot.status,
  host: snapshot.host,
  preferences: snapshot.preferences,
  clockOffset: snapshot.now - here,
  gates: new Map(snapshot.gates.map((gate) => [gate.gate_id, gate])),
  snoozed: new Map(snapshot.snoozed.map(({ gate_id, until }) => [gate_id, until])),
  grants: snapshot.grants,
  callsToday: snapshot.calls_today,
  runsTotal: snapshot.runs_total,
  changedRuns: new Map(),
  revision: {
    runs: before.revision.runs + 1,
    gates: before.revision.gates + 1,
    grants: before.revision.grants + 1,
    keys: before.revision.keys + 1,
    budgets: before.revision.budgets + 1,
    telemetry: before.revision.telemetry + 1,
    retention: before.revision.retention + 1,
  },
});
