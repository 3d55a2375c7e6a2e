/**
 * What one client needs in another form than the table of failures gives it (behaviour §3, *Client dialects*). Plain data:
 * `runs/client-table.ts` holds a value for each client that was measured, everyone else gets the table as it stands.
 */
export interface Dialect {
  /** Canonical status → the status sent instead, for refusals that a resend cannot cure. Others keep the table's. */
  readonly statuses: Readonly<Partial<Record<number, number>>>;
  /**
   * The form of a refusal that a resend cannot cure, where the client hides or retries an error status:
   * `status` a JSON error; `failed-response` a Responses stream that fails at once, our message inside;
   * `answer` a complete 200 answer whose only text is the message.
   */
  readonly final: 'status' | 'failed-response' | 'answer';
  /** The status of `approval_pending` at the end of a held connection: one that the client waits out and sends again. */
  readonly pending: 409 | 429;
  /**
   * How a request that does not stream is held: `silent` until the ceiling, then `pending`; `white-space` for a client that
   * retries nothing: 200 and leading white space until the verdict, which JSON allows (RFC 8259 §2).
   */
  readonly hold: 'silent' | 'white-space';
  /** How long nothing may be sent before the client gives the connection up, in milliseconds, with a margin. */
  readonly ceilingMs: number;
}
