import { type Failure, failure } from '../contract/failures.ts';
import { createKeyMask, maskHeaders } from '../providers/key-mask.ts';
import type { Suspect, Upstream, UpstreamCall, UpstreamError, UpstreamRequest } from '../providers/upstream-call.ts';
import { FREE_DESCRIPTORS } from '../store/descriptors.ts';
import { StoreUnavailable } from '../store/store.ts';
import type { AbortReason } from './inflight.ts';
import { type Answer, openPassage, type Passage, type PassageOptions } from './passage.ts';
import type { AgentReply } from './reply.ts';
import { storeRefusal } from './store-refusal.ts';

/**
 * Forward one admitted request and read its answer while it passes. Bytes reach the agent unchanged as they
 * come, except what must wait: a JSON answer and the last piece of a stream wait for the settlement, and what
 * a rule could match waits for a decision. Exactly one outcome is reported, whoever hangs up first.
 */
export interface Forwarding {
  readonly request: UpstreamRequest;
  readonly passage: Pick<
    PassageOptions,
    | 'format'
    | 'searched'
    | 'atProvider'
    | 'hear'
    | 'streaming'
    | 'governedHeaders'
    | 'keepBytes'
    | 'asksStream'
    | 'passesUnread'
    | 'passesSpace'
  >;
  /** The provider's key that is attached to the request, blanked out of an answer that repeats it. */
  readonly key: string | null;
  /** Resolves when the admission is durable; the first byte waits for it. */
  readonly durable: Promise<unknown>;
  /** How long and how much an answer is read on for its usage after the agent has gone. */
  readonly drainMs: number;
  readonly drainBytes: number;
}

/** How a forwarded call ended. */
export type Outcome =
  /** The whole answer has been read. `closed` resolves when the provider has ended its side; more may come until then. */
  | { readonly kind: 'completed'; readonly answer: Answer; readonly agentGone: boolean; readonly closed: Promise<void> }
  /** `sent` is false only when no byte of the request can have reached the provider. */
  | {
      readonly kind: 'aborted';
      readonly by: 'agent' | AbortReason;
      readonly sent: boolean;
      readonly answer: Answer | null;
    }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly sent: boolean; readonly answer: Answer | null };

/** A call under way to the provider. */
export interface Forward {
  readonly outcome: Promise<Outcome>;
  abort(reason: AbortReason): void;
}

/**
 * How long a provider may leave its connection open behind the end of its answer, ms. What belongs to the answer (a last
 * line end, a comment) comes with it; an agent that waits for the end of its stream must not wait for a provider that forgets it.
 */
const END_MS = 250;
/** So many interim answers wait for the admission. */
const MOST_EARLY = 8;

/** Start forwarding; `now` is epoch ms. Never rejects: every way to end is an outcome. */
export function forward(forwarding: Forwarding, upstream: Upstream, reply: AgentReply, now: () => number): Forward {
  const outcome = Promise.withResolvers<Outcome>();
  const closed = Promise.withResolvers<void>();
  let passage: Passage | null = null;
  let call: UpstreamCall | null = null;
  let abortedBy: 'agent' | AbortReason | null = null;
  let stopped: Failure | null = null;
  let drainTimer: NodeJS.Timeout | null = null;
  let durable = false;
  let finished = false;
  /** Interim answers that came before the admission was durable. */
  const early: (() => void)[] = [];
  const keyMask = createKeyMask(forwarding.key);

  const finish = (result: Outcome): void => {
    if (finished) return;
    finished = true;
    if (drainTimer !== null) clearTimeout(drainTimer);
    outcome.resolve(result);
  };
  /** The answer is complete; its provider has a moment to end its side too, which is all that may still be cut. */
  const finishCompleted = (opened: Passage): void => {
    if (finished) return;
    finish({ kind: 'completed', answer: opened.answer(), agentGone: reply.gone, closed: closed.promise });
    const late = setTimeout(() => abort('agent'), END_MS);
    void closed.promise.then(() => clearTimeout(late));
  };
  const abort = (by: 'agent' | AbortReason): void => {
    if (!finished) abortedBy ??= by;
    call?.abort(by);
  };
  const stop = (reason: Failure): void => {
    if (finished) return;
    stopped ??= reason;
    call?.abort('shutdown');
  };

  reply.onGone(() => {
    if (finished) return abort('agent');
    abortedBy ??= 'agent';
    passage?.agentGone();
    call?.resume();
    drainTimer = setTimeout(() => abort('agent'), forwarding.drainMs);
  });
  reply.onDrain(() => call?.resume());
  forwarding.durable.then(
    () => {
      durable = true;
      for (const pass of early.splice(0)) pass();
      if (passage?.open() !== false) call?.resume();
    },
    (error: unknown) => stop(unrecorded(error)),
  );

  call = upstream.send(forwarding.request, {
    onInterim(status, headers) {
      if (durable) reply.interim(status, headers);
      else if (early.length < MOST_EARLY) early.push(() => reply.interim(status, headers));
    },
    onHeaders(status, received) {
      const rawHeaders = maskHeaders(received, forwarding.key);
      passage = openPassage({ ...forwarding.passage, status, rawHeaders, firstByteAt: now() }, reply);
      if (reply.gone) passage.agentGone();
      if (isRedirect(status)) stop(redirected());
      else if (durable) passage.open();
    },
    onData(chunk) {
      if (passage === null) return true;
      const bytes = keyMask?.push(chunk) ?? chunk;
      const goOn = bytes.length === 0 || passage.push(bytes);
      if (passage.complete) {
        finishCompleted(passage);
        if (passage.overdue) abort('agent');
      } else if (passage.overflow) stop(tooLarge(forwarding.passage.keepBytes));
      else if (passage.bytesSinceGone > forwarding.drainBytes) abort('agent');
      return goOn;
    },
    onEnd() {
      const left = keyMask?.end();
      if (left !== undefined && left.length > 0) passage?.push(left);
      passage?.end();
      closed.resolve();
      if (finished) return;
      if (passage?.whole === true) finishCompleted(passage);
      else finish({ kind: 'failed', failure: cutShort(), sent: true, answer: passage?.answer() ?? null });
    },
    onError(error) {
      closed.resolve();
      if (finished) return;
      const answer = passage?.answer() ?? null;
      if (stopped !== null) finish({ kind: 'failed', failure: stopped, sent: error.sent, answer });
      else if (abortedBy !== null) finish({ kind: 'aborted', by: abortedBy, sent: error.sent, answer });
      else finish({ kind: 'failed', failure: upstreamFailure(error), sent: error.sent, answer });
    },
  });
  return { outcome: outcome.promise, abort };
}

/**
 * Redirects are neither followed nor passed on: the agent's client would follow them, with its prompt and its token, to
 * an address that is in no configuration, and take an answer from there that nothing has judged.
 */
export const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304;

/** The refusal in place of a redirect. */
export const redirected = (): Failure =>
  failure('upstream_unreachable', 'The provider answered with a redirect, which is not followed.', {
    recover: 'The operator must set base_url in the configuration to where the provider answers itself.',
  });

const AGAIN = 'Send the request again in a moment.';

const cutShort = (): Failure =>
  failure('upstream_unreachable', 'The provider ended its answer before it was complete.', { recover: AGAIN }, 1);

const tooLarge = (limit: number): Failure =>
  failure('upstream_unreachable', `The provider’s answer is larger than ${Math.floor(limit / 1_048_576)} MiB.`, {
    recover: 'Ask for less at once.',
  });

/** The admission did not become durable. */
const unrecorded = (error: unknown): Failure =>
  error instanceof StoreUnavailable
    ? storeRefusal(error)
    : failure('internal_error', 'Rungate could not record this call and let nothing through.', {}, 5);

/** What the operator is to look at, where the failure shows it. */
const SUSPECTED: Readonly<Record<Suspect, string>> = {
  proxy:
    'The operator must look at the proxy that is named: HTTPS_PROXY and NO_PROXY, or upstream.proxy in the configuration.',
  authority:
    'Nobody known has signed the certificate. If it is the network’s own authority, the operator must name its PEM file in upstream.ca.',
  no_way_out:
    'Check the network. If its only way out is a proxy, the operator must set HTTPS_PROXY or upstream.proxy and start again.',
};

/** What the agent is told about a failed connection to the provider. */
function upstreamFailure({ kind, phase, detail, suspect }: UpstreamError): Failure {
  const context = { phase, detail, recover: suspect === undefined ? AGAIN : SUSPECTED[suspect] };
  switch (kind) {
    case 'timeout':
      return failure('upstream_timeout', `The provider did not answer in time (${phase}).`, context, 5);
    case 'refused_address':
      return failure('upstream_unreachable', 'The provider’s name points to an address that is not allowed.', {
        ...context,
        recover: 'Correct base_url in the configuration; loopback must be written as 127.0.0.1 or localhost.',
      });
    case 'exhausted':
      return failure(
        'upstream_unreachable',
        'Rungate has no file descriptor left to reach the provider with.',
        { phase, detail, recover: `The operator can help: ${FREE_DESCRIPTORS}` },
        5,
      );
    case 'unreachable':
    case 'broken':
    case 'aborted':
      return failure('upstream_unreachable', `The provider could not be reached (${phase}).`, context, 5);
  }
}
