import { isIP } from 'node:net';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { SpanFacts } from '../audit/export/otlp-spans.ts';
import type { OTLP_PROTOCOLS } from '../config/schema.ts';
import type { Clock } from '../ports.ts';
import { explainRefusal } from '../providers/address-guard.ts';
import { openAgent } from '../providers/http-agent.ts';
import type { WayOut } from '../providers/way-out.ts';
import { createSpanQueue, QUEUE_LIMITS, type SpanQueueStatus } from './span-queue.ts';

/**
 * The OpenTelemetry SDK, given finished spans. The SDK's globals are used by this installation alone: one exporter at a
 * time per process.
 */
export interface TraceExporter {
  emit(span: SpanFacts): void;
  readonly status: SpanQueueStatus;
  /** Send what waits (the collector's absence is not waited for) and stop. */
  close(): Promise<void>;
}

export type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number];

export interface TraceExporterOptions {
  /** Where the collector answers; for http/protobuf `/v1/traces` is appended (OTLP specification). */
  readonly endpoint: URL;
  readonly protocol: OtlpProtocol;
  /** Sent with every export; values may be secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly version: string;
  readonly clock: Clock;
  readonly changed: () => void;
  /** The network's proxy and the certificate authorities; gRPC reads the environment's proxy by itself. */
  readonly way: WayOut;
}

/** Spans leave within 5 s of their end (behaviour §7): they are gathered for one. */
const GATHER_MS = 1000;
const EXPORT_TIMEOUT_MS = 5000;

/** Start exporting. The SDK and its protocol are loaded only now: most installations export nothing. */
export async function openTraceExporter(options: TraceExporterOptions): Promise<TraceExporter> {
  const { clock, changed } = options;
  const queue = createSpanQueue(await openProtocol(options), { ...QUEUE_LIMITS, clock, changed });
  const ids = { traceId: '', spanId: '' };
  const sdk = new NodeSDK({
    serviceName: 'rungate',
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: queue, scheduledDelayMillis: GATHER_MS, maxQueueSize: QUEUE_LIMITS.limit }),
    ],
    // A step's span has the same ids wherever it is told of: live, in an export, after a restart.
    idGenerator: { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId },
  });
  sdk.start();
  const tracer = trace.getTracer('rungate', options.version);
  return {
    get status() {
      return queue.status;
    },
    emit({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, error, links }) {
      ids.traceId = traceId;
      ids.spanId = spanId;
      const parent =
        parentSpanId === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote(traceId, parentSpanId));
      const span = tracer.startSpan(
        name,
        {
          kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL,
          startTime: startMs,
          attributes: mutable(attributes),
          links: links.map((link) => ({ context: remote(link.traceId, link.spanId) })),
        },
        parent,
      );
      if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end(endMs);
    },
    async close() {
      await sdk.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

const remote = (traceId: string, spanId: string) => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
});

/** The API's type asks for arrays that can be written to. */
const mutable = (attributes: SpanFacts['attributes']): Record<string, string | number | boolean | string[]> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]),
  );

/** A literal address is never looked up, so it is judged here; names are judged at every connect (over HTTP). */
function refuseAddress({ hostname }: URL): void {
  const reason = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? null : explainRefusal(hostname, hostname);
  if (reason === null) return;
  throw Object.assign(new Error(`The collector cannot be used: ${reason}.`), {
    code: 'address_refused',
    hint: 'Give otlp.endpoint the address of an OpenTelemetry collector.',
  });
}

async function openProtocol({ endpoint, protocol, headers, way }: TraceExporterOptions): Promise<SpanExporter> {
  refuseAddress(endpoint);
  switch (protocol) {
    case 'http/protobuf': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
      const url = `${endpoint.href.replace(/\/+$/, '')}/v1/traces`;
      return new OTLPTraceExporter({
        url,
        headers: { ...headers },
        timeoutMillis: EXPORT_TIMEOUT_MS,
        httpAgentOptions: (scheme) => openAgent(scheme, way, EXPORT_TIMEOUT_MS),
      });
    }
    case 'grpc': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
      const { Metadata } = await import('@grpc/grpc-js');
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      return new OTLPTraceExporter({ url: endpoint.href, metadata, timeoutMillis: EXPORT_TIMEOUT_MS });
    }
  }
}
