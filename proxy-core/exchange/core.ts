import type { Bus } from '../bus.ts';
import type { Program } from '../contract/program.ts';
import type { GrantRecord } from '../contract/records.ts';
import type { DriftTracker } from '../policy/drift.ts';
import type { LoopTracker } from '../policy/loops.ts';
import type { OwnPlaces } from '../policy/own-places.ts';
import type { RateTracker } from '../policy/rates.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { Credentials } from '../providers/credentials.ts';
import type { Provider } from '../providers/provider.ts';
import type { Upstream } from '../providers/upstream-call.ts';
import type { Store } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';
import type { Abandons } from './abandons.ts';
import type { AddedUsage } from './added-usage.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { Claims } from './claims.ts';
import type { Digester } from './digester.ts';
import type { GateBook } from './gate-book.ts';
import type { HandedArguments } from './handed-arguments.ts';
import type { InFlight } from './inflight.ts';
import type { PassedAnswers } from './passed-answers.ts';
import type { PolicyBook } from './policy-book.ts';
import type { PriceBook } from './price-book.ts';
import type { RegexJobs } from './regex-jobs.ts';
import type { LiveRun, RunDirectory } from './run-directory.ts';
import type { RunNews } from './run-news.ts';
import type { Unanswered } from './unanswered.ts';
import type { UnknownClients } from './unknown-clients.ts';

/** Everything one exchange needs, composed once in `index.ts`. */
export interface Core {
  /** Never goes back (`steady-clock.ts`). */
  readonly clock: Clock;
  /** What the calendar says, epoch ms: for what follows the time of day. */
  readonly civil: () => number;
  readonly random: Random;
  readonly log: Log;
  /** How this program is called in commands that are shown. */
  readonly program: Program;
  readonly bus: Bus;
  readonly store: Store;
  readonly agents: AgentDirectory;
  readonly runs: RunDirectory;
  readonly unanswered: Unanswered;
  readonly handedArguments: HandedArguments;
  readonly passedAnswers: PassedAnswers;
  readonly policies: PolicyBook;
  readonly prices: PriceBook;
  readonly providers: readonly Provider[];
  /** Where calls of the tool invocation API are forwarded, by tool name. */
  readonly tools: ReadonlyMap<string, URL>;
  upstreamOf(provider: Provider): Upstream;
  readonly credentials: Credentials;
  readonly inFlight: InFlight;
  readonly gates: GateBook;
  readonly abandons: Abandons;
  readonly claims: Claims;
  readonly news: RunNews;
  readonly digester: Digester;
  readonly unknownClients: UnknownClients;
  readonly addedUsage: AddedUsage;
  /** Grants that cover a tool call of this run; for null, the request itself. */
  grantsFor(run: LiveRun, call: ToolCall | null): readonly GrantRecord[];
  readonly rates: RateTracker;
  readonly loops: LoopTracker;
  readonly drift: DriftTracker;
  /** What has been noted of each agent, as `agent\nkind\nvalue`. */
  readonly seen: Set<string>;
  readonly regexJobs: RegexJobs;
  /** Where this Rungate is, as far as it is known by now. */
  own(): OwnPlaces;
  readonly options: CoreOptions;
  /** Whether the operator has paused all calls. */
  paused: boolean;
  /** Set once shutdown has begun: new calls are refused. */
  draining: boolean;
}

/** Limits and windows; every one has a key in the configuration file. */
export interface CoreOptions {
  readonly maxBodyBytes: number;
  readonly headerBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleWindowMs: number;
  readonly drainMs: number;
  readonly drainBytes: number;
  readonly keepBytes: number;
  readonly shutdownMs: number;
  /** How long a connection is held before any byte is sent; null: by what the client is known to bear. */
  readonly holdCeilingMs: number | null;
  /** How many gates of one agent may wait for a person at a time. */
  readonly maxPendingGates: number;
  /** How long a gate outlives its last held connection. */
  readonly abandonMs: number;
  /** What a pause does to calls in flight. */
  readonly onPause: 'finish' | 'cut';
  /** How long a verdict made at the desktop or the console can be undone before agents see it. */
  readonly undoMs: number;
  /** Connections of each port, in all and before a valid token. */
  readonly connections: { readonly inAll: number; readonly beforeToken: number };
  /** Whether the command socket may decide (`control/decisions.ts`): the headless host says so, the desktop app does not. */
  readonly cliDecisions: boolean;
}

/** Limits of a core that is told nothing else; sizes in bytes, times in ms. */
export const DEFAULT_OPTIONS: CoreOptions = {
  maxBodyBytes: 64 * 1_048_576,
  headerBytes: 64 * 1024,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 120_000,
  idleWindowMs: 15 * 60_000,
  drainMs: 15_000,
  drainBytes: 4 * 1_048_576,
  keepBytes: 64 * 1_048_576,
  shutdownMs: 10_000,
  holdCeilingMs: null,
  maxPendingGates: 32,
  abandonMs: 90_000,
  onPause: 'finish',
  undoMs: 5000,
  connections: { inAll: 1_024, beforeToken: 128 },
  cliDecisions: false,
};
