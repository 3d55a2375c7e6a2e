import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** A collector that decodes what it is sent by the protocol's own definition, over http/protobuf or gRPC. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2 is an error. */
  readonly status: { readonly code: number; readonly message: string };
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector {
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Headers (or gRPC metadata) of each export. */
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  /** How the next exports are answered, in order; afterwards with 200. */
  fail(...statuses: number[]): void;
  /** Resolves when a span matches, now or later. */
  span(matches: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

const root = protobuf.loadSync(fileURLToPath(new URL('../fixtures/otlp-trace.proto', import.meta.url)));
const Request = root.lookupType('opentelemetry.ExportTraceServiceRequest');

function createCollected() {
  const spans: CollectedSpan[] = [];
  const watchers = new Set<() => void>();
  return {
    spans,
    take(bytes: Uint8Array) {
      spans.push(...decode(bytes));
      for (const watcher of watchers) watcher();
    },
    span: (matches: (span: CollectedSpan) => boolean): Promise<CollectedSpan> =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = spans.find(matches);
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
  };
}

/** A collector over http/protobuf; `port` 0 picks a free one. */
export async function startHttpCollector(port = 0): Promise<Collector> {
  const collected = createCollected();
  const headers: IncomingHttpHeaders[] = [];
  const failures: number[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const failure = request.url === '/v1/traces' ? failures.shift() : 404;
      if (failure !== undefined) return response.writeHead(failure).end();
      headers.push(request.headers);
      collected.take(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      return response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: collected.spans,
    headers,
    fail: (...statuses) => failures.push(...statuses),
    span: collected.span,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A collector over gRPC. */
export async function startGrpcCollector(): Promise<Collector> {
  const collected = createCollected();
  const headers: Record<string, unknown>[] = [];
  const server = new Server();
  const identity = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      Export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    {
      Export: (
        call: { request: Buffer; metadata: { getMap(): Record<string, unknown> } },
        done: (error: null, answer: Buffer) => void,
      ) => {
        headers.push(call.metadata.getMap());
        collected.take(call.request);
        done(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error instanceof Error ? reject(error) : resolve(bound),
    ),
  );
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans: collected.spans,
    headers,
    fail: () => {
      throw new Error('the gRPC collector takes everything');
    },
    span: collected.span,
    close: async () => server.forceShutdown(),
  };
}

interface RawValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly RawValue[] };
}
type RawAttributes = readonly { readonly key: string; readonly value?: RawValue }[];
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: RawAttributes;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

function decode(bytes: Uint8Array): CollectedSpan[] {
  const request = Request.toObject(Request.decode(bytes), { longs: String, bytes: String }) as {
    readonly resourceSpans?: readonly {
      readonly resource?: { readonly attributes?: RawAttributes };
      readonly scopeSpans?: readonly { readonly spans?: readonly RawSpan[] }[];
    }[];
  };
  return (request.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    (scopeSpans ?? []).flatMap(({ spans }) =>
      (spans ?? []).map((span) => readSpan(span, readAttributes(resource?.attributes))),
    ),
  );
}

const hex = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('hex');

const readSpan = (span: RawSpan, resource: CollectedSpan['resource']): CollectedSpan => ({
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentSpanId: hex(span.parentSpanId),
  name: span.name,
  kind: span.kind ?? 0,
  startNano: BigInt(span.startTimeUnixNano),
  endNano: BigInt(span.endTimeUnixNano),
  attributes: readAttributes(span.attributes),
  links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
  status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
  resource,
});

const readAttributes = (attributes: RawAttributes | undefined): Record<string, unknown> =>
  Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, readValue(value)]));

function readValue(value: RawValue | undefined): unknown {
  if (value?.intValue !== undefined) return Number(value.intValue);
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(readValue);
  return value?.stringValue ?? value?.boolValue ?? value?.doubleValue;
}
