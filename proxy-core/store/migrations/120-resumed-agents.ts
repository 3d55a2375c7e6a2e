/** An agent that may start runs again although one of its runs was stopped a moment ago. Instants are epoch milliseconds. */
export const resumedAgents = {
  version: 120,
  statements: [`ALTER TABLE agents ADD COLUMN resumed_at INTEGER`],
} as const;
