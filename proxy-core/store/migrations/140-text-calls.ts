/** An agent whose calls are written as text, so that they cannot be seen on the wire. Instants are epoch milliseconds. */
export const textCalls = {
  version: 140,
  statements: [
    // When such calls were last noted, once for each run; null while none were.
    `ALTER TABLE agents ADD COLUMN text_calls_at INTEGER`,
  ],
} as const;
