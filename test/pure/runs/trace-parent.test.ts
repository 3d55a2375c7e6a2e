import { expect, it } from 'vitest';
import { parseTraceParent, renderTraceParent } from '../../../proxy-core/runs/trace-parent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

it('reads the example of the specification', () => {
  expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN });
});

it('reads a later version with more behind it', () => {
  expect(parseTraceParent(`01-${TRACE}-${SPAN}-00-what-comes`)).toEqual({ traceId: TRACE, spanId: SPAN });
});

it.each([
  undefined,
  '',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}${SPAN}-01`,
])('takes %s for none', (header) => {
  expect(parseTraceParent(header)).toBeNull();
});

it('is stored in one piece', () => {
  expect(renderTraceParent({ traceId: TRACE, spanId: SPAN })).toBe(`${TRACE}-${SPAN}`);
});
