/** A span of the agent's own trace, under which its call is to appear. Hex, lower case. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
}

const TRACE_PARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(?:-.*)?$/;

/** Parse a `traceparent` header (W3C Trace Context, level 2, §3.2); null when it is absent or invalid, which is no error. */
export function parseTraceParent(header: string | undefined): TraceParent | null {
  const [, traceId = '', spanId = ''] = TRACE_PARENT.exec(header?.trim() ?? '') ?? [];
  return /^0*$/.test(traceId) || /^0*$/.test(spanId) ? null : { traceId, spanId };
}

/** As it is stored: `TRACE-SPAN`. */
export const renderTraceParent = ({ traceId, spanId }: TraceParent): string => `${traceId}-${spanId}`;
