import type { ModelPrice } from '../budget/model-prices.ts';
import type { Pricing } from '../budget/rates.ts';
import type { Failure } from '../contract/failures.ts';
import type { NanoUsd } from '../contract/money.ts';
import type { GateRecord } from '../contract/records.ts';
import type { LoopSettings } from '../policy/schema.ts';
import type { Secret } from '../providers/secrets.ts';
import type { UpstreamRequest } from '../providers/upstream-call.ts';
import type { FoundAnswer, Remaining } from '../store/store.ts';
import type { Judged } from './judge.ts';
import type { PolicyInForce } from './policy-book.ts';
import type { ReadRequest } from './request.ts';
import type { EditedBody } from './request-edits.ts';
import type { LiveRun } from './run-directory.ts';

/** A call that may go out: its run, its price, its reservation, and the bytes to send. */
export interface Admitted {
  readonly request: ReadRequest;
  readonly run: LiveRun;
  readonly policy: PolicyInForce;
  readonly loops: LoopSettings;
  /** What the tool calls of its answer are judged by; null for what is not inspected. */
  readonly judged: Judged | null;
  /** The approved request gate it goes out under. */
  readonly gateId: string | null;
  readonly exchangeId: string;
  /** The subagent that calls. */
  readonly subagent: string | null;
  readonly step: number;
  readonly remaining: Remaining;
  readonly pricing: Pricing | null;
  /** Where it may lead to several models, the price of each; `pricing` is the dearest’s. */
  readonly prices: readonly ModelPrice[];
  readonly reserved: NanoUsd;
  readonly edited: EditedBody;
  readonly upstream: UpstreamRequest;
  /** The provider's key that is attached to it: an answer that repeats it must not show it. */
  readonly key: Secret | null;
  /** Resolves once the admission survives a power cut. */
  readonly durable: Promise<unknown>;
  /** Resolves once the request's body does. */
  readonly bodyDurable: Promise<unknown>;
}

/** What became of a call on its way in. */
export type Admission =
  | { readonly kind: 'admitted'; readonly admitted: Admitted }
  | { readonly kind: 'refused'; readonly refusal: Refused }
  /** A gate is open for it; `fresh`: opened by this very request. */
  | { readonly kind: 'waiting'; readonly gate: GateRecord; readonly fresh: boolean }
  /** Its gate is approved and the answer is kept. */
  | { readonly kind: 'replayed'; readonly gate: GateRecord; readonly answer: FoundAnswer }
  /** Another request carries out the same approved call; meet the gate again when that is over. */
  | { readonly kind: 'busy'; readonly until: Promise<unknown> };

/** A refusal and what is known of the call it answers. */
export interface Refused {
  readonly failure: Failure;
  readonly exchangeId: string | null;
  readonly runId: string | null;
  readonly policy: string | null;
}
