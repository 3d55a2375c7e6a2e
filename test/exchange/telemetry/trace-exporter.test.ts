import { afterEach, expect, it } from 'vitest';
import type { SpanFacts } from '../../../proxy-core/audit/export/otlp-spans.ts';
import { DIRECT_WAY, openWayOut, type WayOut } from '../../../proxy-core/providers/way-out.ts';
import { openTraceExporter, type TraceExporter } from '../../../proxy-core/telemetry/trace-exporter.ts';
import { startNetworkProxy } from '../../harness/network-proxy.ts';
import { type Collector, startGrpcCollector, startHttpCollector } from '../../harness/otlp-collector.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const keep = <T extends { close(): Promise<void> }>(each: T): T => {
  opened.push(each);
  return each;
};

const exporterTo = async (
  collector: Pick<Collector, 'endpoint'>,
  protocol: 'http/protobuf' | 'grpc' = 'http/protobuf',
  changed: () => void = () => undefined,
  way: WayOut = DIRECT_WAY,
): Promise<TraceExporter> =>
  keep(
    await openTraceExporter({
      endpoint: new URL(collector.endpoint),
      protocol,
      headers: { 'x-tenant': 'home' },
      version: '1.2.3',
      clock: { now: Date.now },
      changed,
      way,
    }),
  );

const span = (facts: Partial<SpanFacts> = {}): SpanFacts => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentSpanId: 'c'.repeat(16),
  name: 'chat gpt-5',
  kind: 'client',
  startMs: 1_763_780_000_000,
  endMs: 1_763_780_000_250,
  attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 12, 'rungate.cost_usd': 0.0125 },
  error: null,
  links: [],
  ...facts,
});

it.each(['http/protobuf', 'grpc'] as const)(
  'sends a span with its own ids, times and attributes over %s',
  async (protocol) => {
    const collector = keep(await (protocol === 'grpc' ? startGrpcCollector() : startHttpCollector()));
    const exporter = await exporterTo(collector, protocol);
    exporter.emit(span({ links: [{ traceId: 'd'.repeat(32), spanId: 'e'.repeat(16) }] }));
    const sent = await collector.span(({ name }) => name === 'chat gpt-5');
    expect(sent).toMatchObject({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      parentSpanId: 'c'.repeat(16),
      kind: 3,
      startNano: 1_763_780_000_000_000_000n,
      endNano: 1_763_780_000_250_000_000n,
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 12, 'rungate.cost_usd': 0.0125 },
      links: [{ traceId: 'd'.repeat(32), spanId: 'e'.repeat(16) }],
      resource: { 'service.name': 'rungate' },
    });
    expect(collector.headers[0]).toMatchObject({ 'x-tenant': 'home' });
  },
);

it('marks what failed, and a root has no parent', async () => {
  const collector = keep(await startHttpCollector());
  const exporter = await exporterTo(collector);
  exporter.emit(span({ parentSpanId: null, name: 'invoke_agent bot', error: 'budget_exceeded' }));
  const sent = await collector.span(({ name }) => name === 'invoke_agent bot');
  expect(sent.parentSpanId).toBe('');
  expect(sent.status).toEqual({ code: 2, message: 'budget_exceeded' });
});

it('keeps spans while the collector refuses and sends them once it takes them again', async () => {
  const collector = keep(await startHttpCollector());
  collector.fail(400);
  const exporter = await exporterTo(collector);
  exporter.emit(span());
  await collector.span(() => true);
  expect(collector.spans).toHaveLength(1);
});

it('says what goes wrong while the collector is away, and that it has gone well again', async () => {
  const gone = await startHttpCollector();
  await gone.close();
  let note = (): void => undefined;
  const exporter = await exporterTo(gone, 'http/protobuf', () => note());
  const failed = new Promise<void>((resolve) => {
    note = () => exporter.status.lastError !== null && resolve();
  });
  exporter.emit(span());
  await failed;
  expect(exporter.status).toMatchObject({ queued: 1, exported: 0, lastError: expect.stringContaining('ECONNREFUSED') });
  const well = new Promise<void>((resolve) => {
    note = () => exporter.status.exported === 1 && resolve();
  });
  const back = keep(await startHttpCollector(Number(new URL(gone.endpoint).port)));
  await well;
  expect(back.spans).toHaveLength(1);
  expect(exporter.status).toMatchObject({ queued: 0, dropped: 0, lastError: null, lastExportAt: expect.any(Number) });
});

it.each([
  ['http/protobuf', 'http://169.254.169.254'],
  ['http/protobuf', 'http://[fd00:ec2::254]:4318'],
  ['grpc', 'http://169.254.169.254:4317'],
] as const)('C3: sends nothing over %s to %s', async (protocol, endpoint) => {
  const clock = { now: () => 0 };
  const rest = { headers: {}, version: '1', clock, changed: () => undefined, way: DIRECT_WAY };
  const options = { endpoint: new URL(endpoint), protocol, ...rest };
  await expect(openTraceExporter(options)).rejects.toMatchObject({ code: 'address_refused' });
});

it('takes the network’s proxy to a collector that is not on this machine', async () => {
  const collector = keep(await startHttpCollector());
  const proxy = await startNetworkProxy(Number(new URL(collector.endpoint).port));
  const way = openWayOut({ kind: 'env', env: { HTTP_PROXY: proxy.url } }, null);
  const exporter = await exporterTo({ endpoint: 'http://collector.test:4318' }, 'http/protobuf', () => undefined, way);
  exporter.emit(span());
  await exporter.close();
  expect(proxy.asked).toMatchObject([{ method: 'CONNECT', target: 'collector.test:4318' }]);
  expect(exporter.status).toMatchObject({ exported: 1 });
});
