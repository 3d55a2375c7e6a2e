import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../ports.ts';

/**
 * Spans between the SDK and a collector that may be away: batches wait in a bounded queue and are tried again, later
 * and later, until the collector takes them. When the queue is full the oldest spans are dropped and counted; nothing
 * here ever waits for or holds up a call.
 */
export interface SpanQueue extends SpanExporter {
  readonly status: SpanQueueStatus;
}

/** How exporting goes. Instants are epoch ms. */
export interface SpanQueueStatus {
  readonly queued: number;
  readonly exported: number;
  readonly dropped: number;
  readonly lastExportAt: number | null;
  /** Why the latest attempt failed; null once one has succeeded. */
  readonly lastError: string | null;
}

export interface SpanQueueOptions {
  readonly clock: Clock;
  /** Spans kept at most. */
  readonly limit: number;
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  /** Called after every attempt. */
  readonly changed: () => void;
}

/** Limits of a queue that is told nothing else: about 20 MB of spans without content, a minute between late attempts. */
export const QUEUE_LIMITS = { limit: 20_000, firstRetryMs: 1000, longestRetryMs: 60_000 };

export function createSpanQueue(inner: SpanExporter, options: SpanQueueOptions): SpanQueue {
  const batches: ReadableSpan[][] = [];
  let status: SpanQueueStatus = { queued: 0, exported: 0, dropped: 0, lastExportAt: null, lastError: null };
  let sending = false;
  let closed = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let idle: (() => void)[] = [];

  const note = (change: Partial<SpanQueueStatus>): void => {
    status = { ...status, ...change };
    options.changed();
  };
  const drop = (count: number): void => {
    status = { ...status, queued: status.queued - count, dropped: status.dropped + count };
  };
  const settle = (): void => {
    for (const done of idle) done();
    idle = [];
  };

  const send = (): void => {
    const batch = batches[0];
    if (batch === undefined) {
      settle();
      return;
    }
    if (sending || timer !== null) return;
    sending = true;
    inner.export(batch, ({ code, error }: ExportResult) => {
      sending = false;
      // The batch may have been dropped meanwhile to make room.
      const held = batches[0] === batch;
      if (held && code === ExportResultCode.SUCCESS) batches.shift();
      if (code === ExportResultCode.SUCCESS) {
        failures = 0;
        const sent = held ? batch.length : 0;
        note({
          queued: status.queued - sent,
          exported: status.exported + batch.length,
          lastExportAt: options.clock.now(),
          lastError: null,
        });
        send();
        return;
      }
      failures += 1;
      note({ lastError: (error?.message ?? 'the collector did not take the spans').slice(0, 300) });
      if (closed) {
        settle();
        return;
      }
      timer = setTimeout(retry, Math.min(options.longestRetryMs, options.firstRetryMs * 2 ** (failures - 1)));
      timer.unref();
    });
  };
  const retry = (): void => {
    timer = null;
    send();
  };
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      idle.push(resolve);
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (!sending) send();
    });

  return {
    get status() {
      return status;
    },
    export(spans, done) {
      batches.push(spans);
      status = { ...status, queued: status.queued + spans.length };
      while (status.queued > options.limit && batches.length > 1) drop(batches.shift()?.length ?? 0);
      // The SDK hands over and forgets: keeping and trying again is this queue's part.
      done({ code: ExportResultCode.SUCCESS });
      send();
    },
    forceFlush: drained,
    async shutdown() {
      closed = true;
      await drained();
      if (status.queued > 0) {
        drop(status.queued);
        batches.length = 0;
        options.changed();
      }
      await inner.shutdown();
    },
  };
}
