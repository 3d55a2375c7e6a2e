import type { Conversation } from '../../contract/conversation.ts';
import type {
  ArtifactRecord,
  AuditRecord,
  BudgetRecord,
  ExchangeRecord,
  GateRecord,
  GrantRecord,
  RunRecord,
  StepRecord,
} from '../../contract/records.ts';

/**
 * What a renderer is given: one run's facts, and its steps and audit records as iterables that are walked once. Nothing
 * here knows where they come from; an edge reads them page by page, so a run of any length is never held whole.
 */
export interface RunSource {
  readonly about: ExportFacts;
  readonly run: RunRecord;
  /** Milliseconds in which at least one gate waited for a person. */
  readonly waitedMs: number;
  readonly budgets: readonly BudgetRecord[];
  readonly gates: readonly GateRecord[];
  readonly grants: readonly GrantRecord[];
  readonly artifacts: readonly ExportedArtifact[];
  readonly tally: RunTally;
  steps(): Iterable<ExportedStep>;
  audit(): Iterable<AuditRecord>;
}

/** The export itself. */
export interface ExportFacts {
  /** The program's version. */
  readonly version: string;
  /** Epoch ms. */
  readonly exportedAt: number;
  readonly installation: string;
  /** Fingerprint of the key that signs it. */
  readonly key: string;
  /** Whether prompts and answers are in it. */
  readonly prompts: boolean;
  /** The IANA time zone in which people are shown times. */
  readonly timeZone: string;
}

/** What a summary counts before the steps are walked. */
export interface RunTally {
  /** Steps by kind. */
  readonly steps: Readonly<Partial<Record<StepRecord['kind'], number>>>;
  /** What a rule blocked, by rule and tool, first one first; `tool` is null for whole requests. */
  readonly blocks: readonly {
    readonly rule: string;
    readonly message: string | null;
    readonly tool: string | null;
    readonly count: number;
    readonly firstStep: number;
  }[];
  /** Calls that were refused without a rule, by why, first one first. */
  readonly refusals: readonly { readonly failure: string; readonly count: number; readonly firstStep: number }[];
  /** Spend by model, dearest first. `model: null`: calls that name none. */
  readonly models: readonly {
    readonly model: string | null;
    readonly calls: number;
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly cost_nano: number;
    /** Calls whose cost is an upper bound because the provider did not say what they used. */
    readonly estimated: number;
  }[];
}

/** A step; `call` where this step is a call of a model or tool through the proxy. */
export interface ExportedStep {
  readonly step: StepRecord;
  readonly call: ExportedCall | null;
}

export interface ExportedCall {
  readonly exchange: ExchangeRecord;
  /** Null where nothing was stored, or retention has removed it. */
  readonly request: ExportedRequest | null;
  readonly response: ExportedResponse | null;
}

type Message = Conversation['messages'][number];

/**
 * A request's exact bytes as pieces: the first `keep_head` pieces of the request of `base`, then `pieces`, then the last
 * `keep_tail` of `base`. A conversation repeats itself at every turn; only what is new is written.
 */
export interface ExportedRequest {
  readonly bytes: number;
  readonly base: string | null;
  readonly keep_head: number;
  readonly keep_tail: number;
  readonly pieces: readonly ExportedText[];
  /** What this request added to the conversation, read; empty where it cannot be read. */
  readonly news: readonly Message[];
}

/** Stored bytes: their SHA-256 (of the original, hex), and their text unless it was left out. */
export interface ExportedText {
  readonly sha256: string;
  readonly bytes: number;
  /** UTF-8 text, or base64 where `encoding` says so; null: left out. */
  readonly text: string | null;
  readonly encoding: 'utf8' | 'base64';
}

/** An answer. A streamed one is read into `said`: its frames would only repeat that, cut into tokens. */
export interface ExportedResponse extends ExportedText {
  readonly content_type: string | null;
  readonly said: readonly Message[];
}

export interface ExportedArtifact {
  readonly artifact: ArtifactRecord;
  readonly content: ExportedText;
}
