import type { Bus } from '../bus.ts';
import type { Configuration } from '../config/schema.ts';
import type { Clock, Log } from '../ports.ts';
import type { WayOut } from '../providers/way-out.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Anchor } from '../signing/anchor.ts';
import type { Reads } from '../store/reads.ts';
import { anchorOf } from './head-span.ts';
import { startLiveTraces } from './live-traces.ts';
import type { SpanQueueStatus } from './span-queue.ts';
import type { OtlpProtocol, TraceExporter } from './trace-exporter.ts';

/** Live traces of this installation's runs to the collector that the configuration names. */
export interface Telemetry {
  readonly endpoint: string;
  readonly protocol: OtlpProtocol;
  readonly content: boolean;
  readonly status: SpanQueueStatus;
  /** The collector as a second place for the audit's signed heads. */
  readonly anchor: Anchor;
  /** Tell the rest, send what waits, stop; a collector that is away is not waited for. */
  close(): Promise<void>;
}

export interface TelemetryPorts {
  readonly bus: Bus;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly redactor: Redactor;
  readonly way: WayOut;
  /** Resolves a reference to a secret; rejects if it is missing. */
  readonly resolveSecret: (reference: string) => Promise<string>;
}

const STEPS_PER_TRACE = 5000;
/** The console hears of the exporter's state at most this often. */
const NEWS_MS = 1000;

/** A header's value from its reference, which may stand behind an authentication scheme. */
async function resolveHeader(
  reference: string,
  { resolveSecret }: Pick<TelemetryPorts, 'resolveSecret'>,
): Promise<string> {
  const [, scheme = '', secret = reference] = /^(Bearer |Basic )?(.*)$/s.exec(reference) ?? [];
  return `${scheme}${await resolveSecret(secret)}`;
}

/** Start telling; rejects when a header's secret is missing. */
export async function startTelemetry(
  settings: NonNullable<Configuration['otlp']>,
  ports: TelemetryPorts,
): Promise<Telemetry> {
  const { bus, clock, version, redactor } = ports;
  const headers: Record<string, string> = {};
  for (const [name, reference] of Object.entries(settings.headers))
    headers[name] = await resolveHeader(reference, ports);
  let news: ReturnType<typeof setTimeout> | null = null;
  const changed = (): void => {
    news ??= setTimeout(() => {
      news = null;
      bus.publish('telemetry.changed', {});
    }, NEWS_MS).unref();
  };
  // Loaded only now: most installations export nothing, and the SDK is large.
  const { openTraceExporter } = await import('./trace-exporter.ts');
  const exporter: TraceExporter = await openTraceExporter({
    endpoint: new URL(settings.endpoint),
    protocol: settings.protocol,
    headers,
    version,
    clock,
    changed,
    way: ports.way,
  });
  const traces = startLiveTraces({
    ...ports,
    startedAt: clock.now(),
    emit: exporter.emit,
    stepsPerTrace: STEPS_PER_TRACE,
    redactor,
    content: settings.content,
  });
  return {
    endpoint: settings.endpoint,
    protocol: settings.protocol,
    content: settings.content,
    get status() {
      return exporter.status;
    },
    anchor: anchorOf(settings.endpoint, exporter.emit),
    async close() {
      await traces.close();
      if (news !== null) clearTimeout(news);
      await exporter.close();
    },
  };
}
