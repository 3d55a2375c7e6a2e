import type { Sha256 } from '../chain.ts';
import { createSpanBuilder, type SpanAttributes, type SpanFacts, traceOfRun } from './otlp-spans.ts';
import { type Piece, part } from './piece.ts';
import type { RedactedSource } from './redact.ts';

/**
 * A run as OTLP/JSON traces (opentelemetry-proto, JSON protobuf encoding: ids in hex, 64-bit integers as text). The
 * seal is the attribute of a last resource without spans, so that the file is nothing but OTLP.
 */
export function* renderOtlp(source: RedactedSource, sha256: Sha256): Generator<Piece> {
  const { run, about } = source;
  const resource: SpanAttributes = {
    'service.name': 'rungate',
    'service.version': about.version,
    'service.instance.id': about.installation,
  };
  const scope = { name: 'rungate', version: about.version };
  yield part('summary');
  yield `{"resourceSpans":[\n{"resource":${JSON.stringify({ attributes: renderAttributes(resource) })},`;
  yield `"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[\n`;
  const spans = createSpanBuilder(run, traceOfRun(run, sha256), sha256);
  yield JSON.stringify(renderSpan(spans.root(run)));
  for (const entry of source.steps()) {
    yield part(`step ${entry.step.step}`);
    for (const span of spans.push(entry)) yield `,\n${JSON.stringify(renderSpan(span))}`;
  }
  yield part('end');
  for (const span of spans.end()) yield `,\n${JSON.stringify(renderSpan(span))}`;
  yield '\n]}]},';
}

const SPAN_KIND = { internal: 1, client: 3 } as const;
const STATUS_ERROR = 2;

/** A span in OTLP's JSON form. */
export const renderSpan = (span: SpanFacts) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: SPAN_KIND[span.kind],
  startTimeUnixNano: nanos(span.startMs),
  endTimeUnixNano: nanos(span.endMs),
  attributes: renderAttributes(span.attributes),
  ...(span.links.length === 0 ? {} : { links: span.links }),
  status: span.error === null ? {} : { code: STATUS_ERROR, message: span.error },
});

const nanos = (ms: number): string => `${ms}000000`;

/** Attributes that are doubles even where their value happens to be whole: one name has one type. */
export const isDouble = (key: string): boolean => key.endsWith('_usd') || key === 'gen_ai.response.time_to_first_chunk';

const renderAttributes = (attributes: SpanAttributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: renderValue(value, isDouble(key)) }));

function renderValue(value: SpanAttributes[string], double: boolean) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return double || !Number.isInteger(value) ? { doubleValue: value } : { intValue: String(value) };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}
