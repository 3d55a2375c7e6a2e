/** The agent's own trace (W3C `traceparent`), as `TRACE-SPAN`: of a call, and of the call that started a run. */
export const traces = {
  version: 70,
  statements: [`ALTER TABLE runs ADD COLUMN trace_parent TEXT`, `ALTER TABLE exchanges ADD COLUMN trace_parent TEXT`],
} as const;
