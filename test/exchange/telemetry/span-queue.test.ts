import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, it } from 'vitest';
import { createSpanQueue } from '../../../proxy-core/telemetry/span-queue.ts';

type Done = Parameters<SpanExporter['export']>[1];

/** A collector's end that answers when the test says so. */
function manualExporter() {
  const asked: { readonly names: readonly string[]; readonly done: Done }[] = [];
  const exporter: SpanExporter = {
    export: (spans, done) => void asked.push({ names: spans.map(({ name }) => name), done }),
    shutdown: () => Promise.resolve(),
  };
  return { asked, exporter };
}

const batch = (...names: readonly string[]): ReadableSpan[] => names.map((name) => ({ name }) as ReadableSpan);
const ignore = (): void => undefined;
const options = { clock: { now: () => 5 }, limit: 3, firstRetryMs: 1, longestRetryMs: 1, changed: ignore };

it('sends batches one after another, in order', () => {
  const { asked, exporter } = manualExporter();
  const queue = createSpanQueue(exporter, options);
  queue.export(batch('a'), ignore);
  queue.export(batch('b'), ignore);
  expect(asked.map(({ names }) => names)).toEqual([['a']]);
  asked[0]?.done({ code: 0 });
  expect(asked.map(({ names }) => names)).toEqual([['a'], ['b']]);
  expect(queue.status).toMatchObject({ queued: 1, exported: 1, lastExportAt: 5 });
});

it('drops the oldest when it is full, and counts them', () => {
  const { asked, exporter } = manualExporter();
  const queue = createSpanQueue(exporter, options);
  queue.export(batch('a', 'b'), ignore);
  queue.export(batch('c'), ignore);
  queue.export(batch('d', 'e'), ignore);
  expect(queue.status).toMatchObject({ queued: 3, dropped: 2 });
  // The batch under way was dropped meanwhile: what it brings is told, but frees no room twice.
  asked[0]?.done({ code: 0 });
  expect(queue.status).toMatchObject({ queued: 3, dropped: 2 });
  expect(asked[1]?.names).toEqual(['c']);
});

it('tries a batch again after a failure', async () => {
  const { asked, exporter } = manualExporter();
  let again: () => void = ignore;
  const second = new Promise<void>((resolve) => {
    again = resolve;
  });
  const watched: SpanExporter = {
    ...exporter,
    export(spans, done) {
      exporter.export(spans, done);
      if (asked.length === 2) again();
    },
  };
  const queue = createSpanQueue(watched, options);
  queue.export(batch('a'), ignore);
  asked[0]?.done({ code: 1, error: new Error('no') });
  expect(queue.status).toMatchObject({ queued: 1, lastError: 'no' });
  await second;
  asked[1]?.done({ code: 0 });
  expect(queue.status).toMatchObject({ queued: 0, exported: 1, lastError: null });
});

it('tries once more when it is closed and then gives up, with a count', async () => {
  const { asked, exporter } = manualExporter();
  const queue = createSpanQueue(exporter, { ...options, firstRetryMs: 60_000 });
  queue.export(batch('a', 'b'), ignore);
  asked[0]?.done({ code: 1 });
  const closed = queue.shutdown();
  asked[1]?.done({ code: 1 });
  await closed;
  expect(queue.status).toMatchObject({ queued: 0, dropped: 2 });
});
