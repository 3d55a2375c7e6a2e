import type { ChainHead } from '../audit/chain.ts';
import type { SignedHead } from '../audit/signed-head.ts';
import type { BudgetAlert } from '../budget/account.ts';
import type { BlockDetail } from '../contract/block.ts';
import type { NanoUsd } from '../contract/money.ts';
import type {
  AgentRecord,
  ArtifactRecord,
  AuditRecord,
  BudgetRecord,
  BudgetScope,
  BudgetWindow,
  Delivery,
  ExchangeRecord,
  ExchangeState,
  GateRecord,
  GateState,
  GrantRecord,
  ProposedAction,
  RunRecord,
  StepRecord,
  Usage,
  WireFormat,
} from '../contract/records.ts';
import type { Digest } from './digest.ts';
import type { Reads } from './reads.ts';
import type { RetentionVerbs } from './retention-verbs.ts';
import type { RunPage, RunPageInput } from './tables/run-list.ts';

/**
 * The store behind one worker thread with the only writing connection. Verbs are coarse: each is one
 * transaction that changes state and appends its audit records, so nothing is ever half done.
 */
export interface Store {
  /** Synchronous reads on this thread's own read-only connection. May lag behind a write that is not yet committed. */
  readonly read: StoreReader;
  /** Reads that may take their time, on another thread. */
  readonly reads: Reads;
  /** Submit one verb. Verbs run in the order in which they were submitted, except that bodies may let others go first. */
  write<V extends Verb>(verb: V, input: VerbInput<V>): Receipt<VerbOutput<V>>;
  /** Resolves once everything submitted so far is durable. */
  durable(): Promise<void>;
  /** Why writes are refused at present, or null. Set for good by a failed fsync; cleared when writing works again (room on the disk, free descriptors). */
  readonly trouble: StoreTrouble | null;
  close(): Promise<void>;
}

/**
 * What became of a write. `committed` resolves when it survives `kill -9` of this process, `durable` when it
 * survives a power cut (fsynced, together with whatever else waited). Both reject with StoreUnavailable.
 */
export interface Receipt<T> {
  readonly committed: Promise<T>;
  readonly durable: Promise<T>;
}

export interface StoreTrouble {
  /** `no_descriptors`: nothing can be opened any more; the disk may be well. */
  readonly reason: 'disk_full' | 'no_descriptors' | 'io_error' | 'closed';
  readonly detail: string;
}

/** A write could not be made; nothing of it is stored. */
export class StoreUnavailable extends Error {
  readonly trouble: StoreTrouble;
  constructor(trouble: StoreTrouble) {
    super(`store unavailable: ${trouble.reason} (${trouble.detail})`);
    this.name = 'StoreUnavailable';
    this.trouble = trouble;
  }
}

/** Who did something, for the audit: `operator`, `agent:NAME`, `system`; and by which way: `cli`, `config`, `proxy`, `desktop`, … */
export interface By {
  readonly actor: string;
  readonly channel: string;
}

/** A name under which a run is found again. Keys resolve within one agent only. */
export interface RunKey {
  readonly kind: 'session' | 'tool_call' | 'response' | 'conversation' | 'cache_key' | 'installation' | 'reads_202';
  readonly key: string;
  /** The subagent whose request or answer it comes from; absent or null: the main thread's. */
  readonly subagent?: string | null;
  /** The key moves to this run from any other that it was filed under. */
  readonly replaces?: boolean;
}

/** A run as its first exchange (or the run API) starts it. */
export interface RunStart {
  readonly runId: string;
  readonly policy: string;
  readonly explicit: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly client: string | null;
  readonly traceParent: string | null;
  readonly cap: NanoUsd | null;
  readonly alertAt: readonly number[];
}

/** A tool's answer: the start of its text and how long the whole is in characters, where it is known. */
export interface NewToolResult {
  readonly callId: string;
  readonly isError: boolean;
  readonly output?: { readonly text: string; readonly length: number };
}

export interface AdmitInput {
  readonly at: number;
  readonly exchangeId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly team: string | null;
  readonly runId: string;
  /** Present when this exchange starts the run. Ignored if the run exists. */
  readonly start: RunStart | null;
  readonly keys: readonly RunKey[];
  readonly method: string;
  readonly path: string;
  readonly wireFormat: WireFormat | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly stream: boolean;
  readonly client: string | null;
  readonly subagent: string | null;
  readonly side: string | null;
  readonly retryOf: string | null;
  /** The agent's own span that the call names, as `TRACE-SPAN`. */
  readonly traceParent: string | null;
  /** Upper bound to reserve on run, agent and team; 0 for what is never charged. */
  readonly reserve: NanoUsd;
  /** Tool results first seen in this request. */
  readonly toolResults: readonly NewToolResult[];
}

/** Room left on the tightest cap of a call, null without any cap. */
export type Remaining = NanoUsd | null;

export type AdmitOutput =
  | { readonly kind: 'admitted'; readonly step: number; readonly remaining: Remaining }
  | {
      /** The refusal itself is recorded: an exchange in state `refused`, a step and an audit record. */
      readonly kind: 'over_budget';
      readonly step: number;
      readonly crossed: BudgetRecord;
      readonly caps: readonly BudgetRecord[];
      /** The step whose settlement reached the cap, or this call's own when only its reservation does not fit. */
      readonly stepThatCrossed: number;
      /** The run that step belongs to. */
      readonly crossedRunId: string;
    }
  | { readonly kind: 'run_ended'; readonly state: 'completed' | 'stopped' }
  /** The run is another agent's, or does not exist and `start` is absent. Nothing is recorded. */
  | { readonly kind: 'not_found' };

export interface SettleInput {
  readonly at: number;
  readonly exchangeId: string;
  readonly state: Exclude<ExchangeState, 'open' | 'refused'>;
  readonly status: number | null;
  readonly failure: string | null;
  readonly cost: NanoUsd;
  readonly estimated: boolean;
  readonly usage: Usage | null;
  readonly model: string | null;
  readonly finishReason: string | null;
  readonly firstByteAt: number | null;
  readonly toolCalls: readonly {
    readonly callId: string | null;
    readonly name: string;
    readonly server: boolean;
    readonly argsText: string;
  }[];
  readonly keys: readonly RunKey[];
  readonly responseContentType: string | null;
  /** A rule blocked the answer: recorded as a refusal step and a `policy.blocked` record. */
  readonly block?: NewBlock;
}

/** A block by a rule: how it describes itself, and the actions that it stopped, word for word. */
export interface NewBlock {
  readonly detail: BlockDetail;
  readonly actions: readonly ProposedAction[];
}

export interface SettleOutput {
  /** False when this exchange had been settled before: nothing was changed. */
  readonly applied: boolean;
  readonly run: RunRecord;
  readonly remaining: Remaining;
  readonly alerts: readonly BudgetAlert[];
}

/** Every write, by name. */
export interface Verbs extends GateVerbs, RetentionVerbs {
  admit: { input: AdmitInput; output: AdmitOutput };
  /** The request's exact bytes (after decoding), cut at its messages so that a conversation stores only what is new. `masked`: secrets taken out of them. */
  storeRequest: { input: { exchangeId: string; body: Uint8Array; masked?: number }; output: null };
  /** The answer's exact bytes as they came from the provider. */
  storeResponse: { input: { exchangeId: string; body: Uint8Array; masked?: number }; output: null };
  settle: { input: SettleInput; output: SettleOutput };
  /** A request refused before any money was reserved (policy, pause, unpriced model). Recorded with its step. */
  refuse: {
    input: Omit<AdmitInput, 'reserve' | 'toolResults'> & {
      readonly failure: string;
      readonly status: number;
      readonly context: Readonly<Record<string, unknown>>;
      /** A rule blocked it: the audit names it `policy.blocked`. */
      readonly block?: NewBlock;
    };
    output: { readonly step: number };
  };
  startRun: {
    input: { at: number; agentId: string; agentName: string; start: RunStart; by: By };
    output: { readonly created: boolean; readonly run: RunRecord };
  };
  /** Remember what an agent has been seen to use. */
  noteSeen: { input: { at: number; agentId: string; values: readonly SeenValue[] }; output: null };
  /** File further names under a run. */
  fileKeys: { input: { at: number; agentId: string; runId: string; keys: readonly RunKey[] }; output: null };
  endRun: {
    input: { at: number; runId: string; state: 'completed' | 'stopped'; by: By };
    output: { readonly changed: boolean; readonly run: RunRecord };
  };
  /** Refuse a run's new calls until it is resumed. A run that has ended is left as it is. */
  pauseRun: {
    input: { at: number; runId: string; paused: boolean; by: By };
    output: { readonly changed: boolean; readonly run: RunRecord };
  };
  /** Write down what `Reads.digest` found: texts for the index, artifacts that tools have made. */
  digest: {
    input: { at: number; digest: Digest; artifactIds: readonly string[] };
    /** The runs that have new artifacts. */
    output: { readonly runIds: readonly string[] };
  };
  putArtifact: {
    input: {
      at: number;
      artifactId: string;
      runId: string;
      name: string;
      contentType: string;
      body: Uint8Array;
      by: By;
    };
    output: ArtifactRecord;
  };
  /** A step that is not a call: an alert, an opaque note. Also appended to the audit when `audit` is set. */
  addStep: {
    input: {
      at: number;
      runId: string;
      kind: StepRecord['kind'];
      exchangeId: string | null;
      summary: string;
      detail: Readonly<Record<string, unknown>>;
      audit: { kind: string; by: By } | null;
    };
    output: { readonly step: number };
  };
  /** Insert or update by name; returns the stored agent. */
  saveAgent: {
    input: {
      at: number;
      agentId: string;
      name: string;
      team: string | null;
      policy: string;
      allowedPolicies: readonly string[];
      runCap: NanoUsd | null;
      delivery: Delivery;
      /** Absent: as for everybody. */
      patienceSeconds?: number | null;
      by: By;
    };
    output: AgentRecord;
  };
  /** Set the agent's token hash. The previous one keeps working until `previousUntil`. */
  setToken: {
    input: {
      at: number;
      agentId: string;
      tokenHash: string;
      tokenPrefix: string;
      previousUntil: number;
      by: By;
    };
    output: AgentRecord;
  };
  /** Let an agent start runs again although one of its runs was stopped a moment ago. */
  resumeAgent: { input: { at: number; agentId: string; by: By }; output: AgentRecord };
  revokeAgent: { input: { at: number; agentId: string; by: By }; output: AgentRecord };
  /** Calls of an agent were found in the text of an answer, where nothing can hold them. */
  noteTextCalls: { input: { at: number; agentId: string }; output: null };
  saveTeam: { input: { at: number; name: string; by: By }; output: null };
  /** Set a cap (null: count only). `replaces` says whether counters restart because the window changed. */
  setBudget: {
    input: {
      at: number;
      scope: BudgetScope;
      subject: string;
      cap: NanoUsd | null;
      window: BudgetWindow;
      alertAt: readonly number[];
      by: By;
    };
    output: BudgetRecord;
  };
  /** Spend back to zero in the current window; reservations of calls in flight stay. */
  resetBudget: { input: { at: number; scope: BudgetScope; subject: string; by: By }; output: BudgetRecord };
  /** A new immutable version; the same content as the newest version returns that version. */
  savePolicy: {
    input: { at: number; name: string; document: string; note: string; by: By };
    output: { readonly name: string; readonly version: number; readonly created: boolean };
  };
  /** A named installation setting (`paused`, a configuration value last applied, …), JSON. */
  setSetting: { input: { at: number; name: string; value: unknown; by: By }; output: null };
  /** Something that changes nothing in the store but belongs in the audit. */
  recordFact: {
    input: { at: number; kind: string; fields: Readonly<Record<string, unknown>>; by: By };
    output: null;
  };
  /** Keep a head of the audit chain that has been signed. */
  signHead: { input: { readonly head: SignedHead }; output: null };
  /** Settle what a crash left open: every exchange still `open` is charged its reservation and marked estimated. */
  recover: { input: { at: number }; output: { readonly settled: number } };
}

/** Something an agent has been seen to use. */
export interface SeenValue {
  readonly kind: 'model' | 'tool' | 'host';
  readonly value: string;
}

/** What opens a gate; the store adds state and instants. */
export interface GateOpening {
  readonly gateId: string;
  readonly kind: GateRecord['kind'];
  readonly runId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly rule: string;
  readonly policy: string;
  readonly message: string | null;
  readonly fingerprint: string;
  readonly actionHash: string;
  readonly proposedActions: readonly ProposedAction[];
  readonly explanation: readonly Readonly<Record<string, unknown>>[];
  readonly approverChannels: readonly string[];
  readonly exchangeId: string | null;
  readonly expiresAt: number;
}

/** An answer kept byte for byte until its run ends, to be released to every retry of its gate. */
export interface KeptAnswer {
  readonly status: number;
  /** Names and values alternating, as they go to the agent. */
  readonly headers: readonly string[];
  readonly stream: boolean;
  readonly body: Uint8Array;
}

/** A kept answer as it is found again. */
export interface FoundAnswer extends KeptAnswer {
  /** The call that it answered; null where the gate names none. */
  readonly exchangeId: string | null;
}

export interface GateVerbs {
  /**
   * Open a gate, with the held answer for response gates. The first gate of a fingerprint wins: one that is pending,
   * approved, rejected, or expired (unless `replacesExpired`) is returned instead of opening another.
   */
  openGate: {
    input: { at: number; gate: GateOpening; answer: KeptAnswer | null; replacesExpired: boolean };
    output: { readonly opened: boolean; readonly gate: GateRecord };
  };
  /**
   * The compare-and-set: only a pending, unexpired gate whose action hash is `actionHash` (if given) is decided. One that is
   * past its expiry becomes expired instead.
   */
  decideGate: {
    input: {
      at: number;
      gateId: string;
      verdict: 'approved' | 'rejected';
      effectiveAt: number;
      reason: string | null;
      suggestedArgs: unknown;
      actionHash: string | null;
      grant: Omit<GrantRecord, 'used' | 'revoked_at'> | null;
      by: By;
    };
    output:
      | { readonly kind: 'decided'; readonly gate: GateRecord }
      | { readonly kind: 'already_resolved'; readonly gate: GateRecord }
      | { readonly kind: 'changed'; readonly gate: GateRecord }
      | { readonly kind: 'not_found' };
  };
  /** Take a verdict back within its undo window, by the same actor; the gate is pending again. */
  undoGate: {
    input: { at: number; gateId: string; by: By };
    output: { readonly undone: boolean; readonly gate: GateRecord | null };
  };
  /**
   * Withdraw an approval that no agent has been given and no call is being made under: the gate is cancelled and its
   * grants are revoked. `claimed`: a call under it is under way.
   */
  revokeGate: {
    input: { at: number; gateId: string; reason: string | null; by: By };
    output:
      | { readonly kind: 'revoked'; readonly gate: GateRecord }
      | { readonly kind: 'too_late'; readonly gate: GateRecord; readonly claimed: boolean }
      | { readonly kind: 'not_found' };
  };
  /** Extend a pending gate's expiry. */
  extendGate: {
    input: { at: number; gateId: string; expiresAt: number; by: By };
    output: { readonly extended: boolean; readonly gate: GateRecord | null };
  };
  /** Every pending gate with expires_at <= at becomes expired. Inclusive and permanent. */
  expireGates: { input: { at: number }; output: { readonly gates: readonly GateRecord[] } };
  cancelGate: {
    input: { at: number; gateId: string; why: string; by: By };
    output: { readonly cancelled: boolean; readonly gate: GateRecord | null };
  };
  /** Cancel every pending gate of an ended run or a revoked agent. */
  cancelGates: {
    input: { at: number; runId: string | null; agentId: string | null; why: string; by: By };
    output: { readonly gates: readonly GateRecord[] };
  };
  /** Nobody has come for a pending gate for too long, or somebody has again. False: it is not pending, or was so before. */
  noteAgentGone: {
    input: { at: number; gateId: string; gone: boolean; by: By };
    output: { readonly changed: boolean; readonly gate: GateRecord | null };
  };
  /** Retries seen while waiting, counted in memory and noted now and then. */
  noteRetries: { input: { gateId: string; retries: number; lastRetryAt: number }; output: null };
  /** The approved answer goes to the agent, noted the first time. False: its approval was revoked before, and nothing may go. */
  releaseGate: { input: { at: number; gateId: string }; output: { readonly released: boolean } };
  /** Request gates: the approved call is about to be forwarded by this exchange. A crash after this leaves `outcome_unknown`. */
  claimGate: { input: { at: number; gateId: string; exchangeId: string }; output: { readonly claimed: boolean } };
  /** Request gates: the forwarded call ended. A complete 2xx answer is kept and consumes the approval, anything else leaves it approved. */
  consumeGate: { input: { at: number; gateId: string; answer: KeptAnswer | null }; output: null };
  /** Remember an approval after the fact. Null, and nothing is stored, unless its gate is approved and its run goes on. */
  addGrant: {
    input: { at: number; grant: Omit<GrantRecord, 'used' | 'revoked_at'>; by: By };
    output: { readonly grant: GrantRecord | null };
  };
  revokeGrant: { input: { at: number; grantId: string; by: By }; output: { readonly grant: GrantRecord | null } };
  /** A grant let an action pass: counted and recorded in the audit. */
  useGrant: { input: { at: number; grantId: string; runId: string; exchangeId: string | null }; output: null };
  /** A notice to deliver, once per channel; the same event id and channel is stored once. */
  enqueueNotice: {
    input: { at: number; eventId: string; channel: string; event: string; payload: string };
    output: null;
  };
  /** The result of one delivery attempt; `nextAt` null: delivered, or given up when `error` is set. */
  noteDelivery: {
    input: { at: number; noticeId: number; nextAt: number | null; error: string | null };
    output: null;
  };
}

/** What is known around a gate, for its reviewer. */
export interface GateContextReader {
  /** The gate's place in its run's trace; null if there is no such gate. */
  gateStep(gateId: string): number | null;
  /**
   * Approved and rejected gates of the same rule and tool, other than this one, decided before an instant; latest first.
   * Very long proposed actions are left out of them.
   */
  similarGates(to: {
    readonly gateId: string;
    readonly rule: string;
    readonly tool: string;
    readonly before: number;
    readonly limit: number;
  }): readonly GateRecord[];
  /** An agent's latest tool calls over all its runs, latest first; `cut`: the arguments are longer than is kept in the trace. */
  agentCalls(
    agentId: string,
    limit: number,
  ): readonly { readonly runId: string; readonly tool: string; readonly argsText: string; readonly cut: boolean }[];
  /** When an agent was first seen to use something, epoch ms; null if never. */
  firstSeenAt(agentId: string, kind: SeenValue['kind'], value: string): number | null;
  /** The run's first call whose request is stored, side traffic and subagents left out. */
  firstExchange(runId: string): string | null;
  /** Bytes of a stored request body; null without one. */
  requestBytes(exchangeId: string): number | null;
}

export interface GateReader extends GateContextReader {
  gate(gateId: string): GateRecord | null;
  /** Newest first. `find`: part of the rule's or agent's name. */
  gates(filter: {
    states?: readonly GateState[];
    runId?: string;
    find?: string;
    cursor?: string;
    limit: number;
  }): Page<GateRecord>;
  /** Every gate of runs that have not ended, for the in-memory book. */
  liveGates(): readonly GateRecord[];
  /** The kept answer of a gate, or null once its run has ended and retention has removed it. */
  keptAnswer(gateId: string): FoundAnswer | null;
  /** Grants that are neither revoked nor expired at `now`. */
  grants(now: number): readonly GrantRecord[];
  /** Notices due at `now`, oldest first. */
  dueNotices(now: number, limit: number): readonly Notice[];
  notices(filter: { channel?: string; limit: number }): readonly Notice[];
}

/** A notice in the outbox. */
export interface Notice {
  readonly noticeId: number;
  readonly eventId: string;
  readonly channel: string;
  readonly event: string;
  readonly payload: string;
  readonly createdAt: number;
  readonly attempts: number;
  readonly nextAt: number | null;
  readonly deliveredAt: number | null;
  readonly error: string | null;
}

export type Verb = keyof Verbs;
export type VerbInput<V extends Verb> = Verbs[V]['input'];
export type VerbOutput<V extends Verb> = Verbs[V]['output'];

/** A page of a list, newest first; `next` is the cursor of the following page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** A call that has had no complete answer. */
export interface UnansweredExchange {
  readonly exchangeId: string;
  readonly runId: string;
  readonly subagent: string | null;
  readonly method: string;
  readonly path: string;
  readonly model: string | null;
  /** Of its stored request. */
  readonly bytes: number;
}

/** A call whose answer has passed. */
export interface PassedExchange {
  readonly exchangeId: string;
  readonly runId: string;
  readonly at: number;
  readonly format: WireFormat;
  readonly stream: boolean;
}

/** Reads. All prepared, all indexed; lists are paged. */
export interface StoreReader extends GateReader {
  agents(): readonly AgentRecord[];
  /** Token hashes that authenticate now: current ones, and previous ones until their overlap ends. */
  tokens(): readonly { readonly tokenHash: string; readonly agentId: string; readonly validUntil: number | null }[];
  teams(): readonly string[];
  run(runId: string): RunRecord | null;
  /** Latest start first. */
  runs(page: RunPageInput): RunPage;
  /** Up to two runs of this agent filed under a key, newest first, each with the subagent it was filed for. */
  findRuns(agentId: string, key: RunKey): readonly { readonly runId: string; readonly subagent: string | null }[];
  /** Calls without a complete answer among the latest of an agent's open runs that were not named, oldest first. */
  unanswered(agentId: string): readonly UnansweredExchange[];
  /** Tool calls without a result of an agent's most recently active open runs, oldest first; their arguments as far as the trace keeps them. */
  openCalls(
    agentId: string,
    mostRuns: number,
    mostCalls: number,
  ): readonly { readonly runId: string; readonly callId: string; readonly argsText: string }[];
  /** The latest answers that passed in an agent's open runs since an instant (epoch ms), oldest first. */
  passedAnswers(agentId: string, since: number, most: number): readonly PassedExchange[];
  /** This agent's open runs that were not named explicitly and were active since `since`, latest first, a few. */
  idleRuns(agentId: string, since: number): readonly string[];
  /** The agent's first run, or null. */
  firstRun(agentId: string): string | null;
  /** When the agent's most recent stopped run was stopped, and its id; null once the agent was let start runs again. */
  lastStopped(agentId: string): { readonly runId: string; readonly at: number } | null;
  runsTotal(): number;
  exchange(exchangeId: string): ExchangeRecord | null;
  /** Calls begun since an instant (epoch ms) that were answered. */
  callsPassed(since: number): number;
  exchanges(runId: string): readonly ExchangeRecord[];
  steps(runId: string, filter: { afterStep?: number; limit: number }): readonly StepRecord[];
  requestBody(exchangeId: string): Uint8Array | null;
  responseBody(exchangeId: string): Uint8Array | null;
  artifacts(runId: string): readonly ArtifactRecord[];
  artifactBody(artifactId: string): Uint8Array | null;
  /** Agents' and teams' budgets, and those of runs whose cap an operator has set, as their windows stand now. */
  budgets(): readonly BudgetRecord[];
  budget(scope: BudgetScope, subject: string): BudgetRecord | null;
  policies(): readonly {
    readonly name: string;
    readonly version: number;
    readonly note: string;
    readonly created_at: number;
    readonly document: string;
  }[];
  /** The value, null if it was never set. */
  setting(name: string): unknown;
  /** Audit records in order, from `afterSeq`. */
  audit(filter: { afterSeq: number; runId?: string; limit: number }): readonly AuditRecord[];
  /** The end of the audit chain. */
  auditHead(): ChainHead | null;
  /** The signed heads, latest first. */
  signedHeads(limit: number): readonly SignedHead[];
  /** This installation's name in its audit. */
  installation(): string | null;
  /** Output token counts of the model's latest settled calls (at most 200), for the learned estimate. */
  outputSamples(model: string): readonly number[];
  /** Models and tools each agent has used before, for drift. */
  seenByAgents(): readonly (SeenValue & { readonly agentId: string })[];
  /** Call ids of the run's tool calls whose result has not been seen. */
  pendingToolCalls(runId: string): readonly string[];
}
