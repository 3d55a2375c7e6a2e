/** Spend survives a clock that is set ahead and back: what was spent in other windows than the current one. */
export const clock = {
  version: 100,
  statements: [`ALTER TABLE budgets ADD COLUMN other_windows TEXT NOT NULL DEFAULT '[]'`],
} as const;
