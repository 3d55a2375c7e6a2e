/**
 * The built-in demo provider: an `Upstream` that never opens a socket. What it says depends on the request alone;
 * ids are fresh for every answer, as a provider's are, because runs are recognised by them.
 */
import { randomBytes } from 'node:crypto';
import { answerDemo, type DemoAnswer } from './demo/answer.ts';
import type { Stamp } from './demo/reply.ts';
import type { Upstream, UpstreamCall, UpstreamSink } from './upstream-call.ts';

/** What a test or a slow-motion demonstration can replace. */
export interface DemoOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** A fresh id without its prefix, 24 letters and digits. */
  readonly freshId?: () => string;
  /** Runs each next step of an answer. Default: the next turn of the event loop. */
  readonly schedule?: (step: () => void) => void;
}

/** Deliver an answer chunk by chunk, one step each, as long as the sink takes them. */
function startAnswer(
  answer: DemoAnswer,
  requestId: string,
  sink: UpstreamSink,
  schedule: (step: () => void) => void,
): UpstreamCall {
  let next = 0;
  let phase: 'headers' | 'body' = 'headers';
  let state: 'open' | 'paused' | 'over' = 'open';

  const step = (): void => {
    if (state !== 'open') return;
    const chunk = answer.chunks[next];
    if (phase === 'headers') {
      phase = 'body';
      sink.onHeaders(answer.status, ['content-type', answer.contentType, 'x-request-id', requestId]);
    } else if (chunk === undefined) {
      state = 'over';
      sink.onEnd();
    } else {
      next += 1;
      if (!sink.onData(Buffer.from(chunk)) && state === 'open') state = 'paused';
    }
    if (state === 'open') schedule(step);
  };

  schedule(step);
  return {
    resume() {
      if (state !== 'paused') return;
      state = 'open';
      schedule(step);
    },
    abort(reason) {
      if (state === 'over') return;
      state = 'over';
      sink.onError({ kind: 'aborted', phase, sent: true, detail: reason });
    },
  };
}

/** The demo as an upstream; answers offline and deterministically, for every governed endpoint. */
export function createDemo(options: DemoOptions = {}): Upstream {
  const now = options.now ?? Date.now;
  const freshId = options.freshId ?? (() => randomBytes(12).toString('hex'));
  const schedule = options.schedule ?? ((step) => void setImmediate(step));
  const open = new Set<UpstreamCall>();

  return {
    send(request, sink) {
      const stamp: Stamp = { id: freshId, seconds: Math.floor(now() / 1000) };
      const call = startAnswer(
        answerDemo(request, stamp),
        `req_${freshId()}`,
        forgetting(sink, () => open.delete(call)),
        schedule,
      );
      open.add(call);
      return call;
    },
    async close() {
      for (const call of open) call.abort('the demo provider was closed');
    },
  };
}

/** The same sink, telling when its call is over. */
function forgetting(sink: UpstreamSink, over: () => void): UpstreamSink {
  return {
    onHeaders: (status, headers) => sink.onHeaders(status, headers),
    onData: (chunk) => sink.onData(chunk),
    onEnd() {
      over();
      sink.onEnd();
    },
    onError(error) {
      over();
      sink.onError(error);
    },
  };
}
