import { type NanoUsd, nanoUsd, ZERO_USD } from '../contract/money.ts';
import type { RunRecord, RunState } from '../contract/records.ts';
import type { Filed, RunLookup } from '../runs/identify.ts';
import type { RunKey, RunStart, StoreReader } from '../store/store.ts';

/** A run as the pipeline knows it without asking the store. */
export interface LiveRun {
  readonly runId: string;
  readonly agentId: string;
  state: RunState;
  /** `name@version`. */
  readonly policy: string;
  readonly explicit: boolean;
  readonly client: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The operator has paused it: its new calls are refused until it is resumed. */
  paused: boolean;
  /** What the store needs to begin the run; null once it has. */
  start: RunStart | null;
  /** What is to be written of it once the store has begun it, oldest first. */
  readonly afterStart: (() => void)[];
  /** Keys already filed under the run, as `kind\nkey`. */
  readonly filed: Set<string>;
  lastActivityAt: number;
  spent: NanoUsd;
  exchanges: number;
  toolCalls: number;
  /** Call ids proposed to the agent whose results have not come back. */
  readonly pendingResults: Set<string>;
  /** Who began it with a call without tools, and when: a title may have come before its session. Null once tools were declared. */
  begunBy: Beginning | null;
  /** Failed or refused exchanges by request fingerprint, so that a resend is known as a retry. */
  readonly failed: Map<string, FailedExchange>;
  /** Its agent has asked for 202 by header (`x-rungate-gate: retry`), and so keeps it for the run. */
  reads202: boolean;
}

/** A run's first call, where that declared no tools and named nothing. */
export interface Beginning {
  /** Which client it was, as far as its headers tell. */
  readonly caller: string;
  readonly at: number;
}

/** An exchange that a resend is a retry of. */
export interface FailedExchange {
  readonly exchangeId: string;
  /** It has passed the policy's rates and loops, which a resend then need not pass again. */
  readonly passed: boolean;
}

/**
 * What the pipeline knows of runs without waiting. Identification must be one synchronous step, or two first
 * calls of one session would start two runs; so keys that are on their way to the store are held here until
 * they are committed, and everything older is read from the store's indexes.
 */
export interface RunDirectory {
  find(runId: string): LiveRun | null;
  /** `caller`: which client asks, as far as its headers tell. */
  lookup(agentId: string, now: number, caller: string | null): KnownRuns;
  /**
   * Begin a run at `at`; found by the next identification under its id and `keys` at once, stored with its first
   * exchange. The keys must be filed when they are written.
   */
  begin(start: RunStart, agentId: string, at: number, keys: readonly RunKey[], begunBy: Beginning | null): LiveRun;
  /** Whether it is the first run of its agent, in which the agent's habits are learned. */
  isFirst(run: LiveRun): boolean;
  /** The run has been active at `at`. */
  touch(run: LiveRun, at: number): void;
  /** File keys under a run until `committed` settles; afterwards the store answers for them. */
  file(run: LiveRun, keys: readonly RunKey[], committed: Promise<unknown>): void;
}

/** Look-ups that need nothing of the request but what it names. */
export type KnownRuns = Pick<RunLookup, 'byId' | 'byKey' | 'latest' | 'titled' | 'lastStopped'>;

const LIVE_LIMIT = 5_000;
/** Titles come so long before their session at most, ms. */
const TITLE_LEAD_MS = 10_000;

/** A directory over the store; `idleWindowMs` is how long a silent run may still be joined without a name. */
export function createRunDirectory(read: StoreReader, idleWindowMs: number): RunDirectory {
  const live = new Map<string, LiveRun>();
  const recent = new Map<string, Set<LiveRun>>();
  const uncommitted = new Map<string, Map<string, string | null>>();
  const firsts = new Map<string, string>();
  const slot = (agentId: string, key: RunKey): string => `${agentId}\n${key.kind}\n${key.key}`;

  const find = (runId: string): LiveRun | null => {
    const known = live.get(runId);
    if (known !== undefined) return known;
    const record = read.run(runId);
    if (record === null) return null;
    const reads202 = read.findRuns(record.agent_id, reads202Key(runId)).length > 0;
    const run = fromRecord(record, read.pendingToolCalls(runId), reads202);
    remember(run);
    return run;
  };

  /** An agent's runs of the idle window, so that joining one costs no query; older ones are dropped as they are met. */
  const recentOf = (agentId: string, since: number): Set<LiveRun> => {
    const known = recent.get(agentId);
    if (known !== undefined) return known;
    const runs = new Set<LiveRun>();
    recent.set(agentId, runs);
    for (const run of live.values()) if (run.agentId === agentId) runs.add(run);
    for (const runId of read.idleRuns(agentId, since)) {
      const run = find(runId);
      if (run !== null) runs.add(run);
    }
    return runs;
  };

  const remember = (run: LiveRun): void => {
    live.set(run.runId, run);
    recent.get(run.agentId)?.add(run);
    if (live.size <= LIVE_LIMIT) return;
    for (const [runId, candidate] of live) {
      if (candidate.lastActivityAt < run.lastActivityAt - idleWindowMs || candidate.state !== 'open') {
        live.delete(runId);
        return;
      }
    }
  };

  const isUnended = (runId: string): boolean => {
    const run = find(runId);
    return run !== null && !isEnded(run);
  };

  const unended = (filed: readonly Filed[]): readonly Filed[] =>
    [...new Map(filed.toReversed().map((one) => [one.runId, one] as const)).values()]
      .reverse()
      .filter(({ runId }) => isUnended(runId));

  /** The agent's runs active within the idle window that nobody named. */
  const quiet = (agentId: string, now: number): readonly LiveRun[] => {
    const since = now - idleWindowMs;
    const runs = recentOf(agentId, since);
    for (const run of runs) if (run.lastActivityAt < since || isEnded(run)) runs.delete(run);
    return [...runs].filter(({ explicit }) => !explicit);
  };

  const lookup = (agentId: string, now: number, caller: string | null): KnownRuns => ({
    byId: find,
    byKey: (kind, key) => {
      const name: RunKey = { kind, key };
      const coming = [...(uncommitted.get(slot(agentId, name)) ?? [])].map(([runId, subagent]) => ({
        runId,
        subagent,
      }));
      return unended([...coming, ...read.findRuns(agentId, name)]);
    },
    latest: () => latestOf(quiet(agentId, now)),
    titled: () =>
      latestOf(
        quiet(agentId, now).filter(
          ({ begunBy }) => begunBy !== null && begunBy.caller === caller && now - begunBy.at < TITLE_LEAD_MS,
        ),
      ),
    lastStopped: () => read.lastStopped(agentId),
  });

  /** From now on the keys find the run; returns their slots. */
  const claim = (run: LiveRun, keys: readonly RunKey[]): readonly string[] => {
    const slots = keys.map((key) => slot(run.agentId, key));
    for (const [index, name] of slots.entries()) {
      const filed = uncommitted.get(name) ?? new Map<string, string | null>();
      uncommitted.set(name, filed.set(run.runId, keys[index]?.subagent ?? null));
    }
    return slots;
  };

  return {
    find,
    lookup,
    begin(start, agentId, at, keys, begunBy) {
      const run: LiveRun = {
        runId: start.runId,
        agentId,
        state: 'open',
        policy: start.policy,
        explicit: start.explicit,
        client: start.client,
        labels: start.labels,
        paused: false,
        start,
        afterStart: [],
        filed: new Set(),
        lastActivityAt: at,
        spent: ZERO_USD,
        exchanges: 0,
        toolCalls: 0,
        pendingResults: new Set(),
        begunBy,
        failed: new Map(),
        reads202: false,
      };
      remember(run);
      claim(run, keys);
      return run;
    },
    isFirst(run) {
      const first = firsts.get(run.agentId) ?? read.firstRun(run.agentId) ?? run.runId;
      firsts.set(run.agentId, first);
      return first === run.runId;
    },
    touch(run, at) {
      run.lastActivityAt = at;
      // Behind all others, so that of two that were active in one millisecond the later one is the latest.
      recent.get(run.agentId)?.delete(run);
      recent.get(run.agentId)?.add(run);
    },
    file(run, keys, committed) {
      const slots = claim(run, keys);
      const forget = (): void => {
        for (const name of slots) {
          const runs = uncommitted.get(name);
          runs?.delete(run.runId);
          if (runs?.size === 0) uncommitted.delete(name);
        }
      };
      committed.then(forget, forget);
    },
  };
}

/** Filed under a run whose agent has asked for 202 by header. */
export const reads202Key = (runId: string): RunKey => ({ kind: 'reads_202', key: runId });

/** The most recently active of these runs. */
const latestOf = (runs: readonly LiveRun[]): string | null =>
  runs.reduce<LiveRun | null>(
    (latest, run) => (latest === null || run.lastActivityAt >= latest.lastActivityAt ? run : latest),
    null,
  )?.runId ?? null;

const isEnded = (run: LiveRun): boolean => run.state === 'completed' || run.state === 'stopped';

function fromRecord(record: RunRecord, pending: readonly string[], reads202: boolean): LiveRun {
  return {
    runId: record.run_id,
    agentId: record.agent_id,
    state: record.state,
    policy: record.policy,
    explicit: record.explicit,
    client: record.client,
    labels: record.labels,
    paused: record.paused,
    start: null,
    afterStart: [],
    filed: new Set(),
    lastActivityAt: record.last_activity_at,
    spent: nanoUsd(record.spent_nano),
    exchanges: record.exchanges,
    toolCalls: record.tool_calls,
    pendingResults: new Set(pending),
    begunBy: null,
    failed: new Map(),
    reads202,
  };
}
