/** Heads of the audit chain as this installation has signed them. */
export const auditHeads = {
  version: 60,
  statements: [
    `CREATE TABLE audit_heads (
      seq INTEGER PRIMARY KEY,
      hash BLOB NOT NULL,
      installation TEXT NOT NULL,
      at INTEGER NOT NULL,
      key TEXT NOT NULL,
      public_key TEXT NOT NULL,
      signature TEXT NOT NULL
    ) STRICT`,
  ],
};
