/**
 * The agent's side of an exchange, as the pipeline sees it. `http/` implements it over a socket; writes are
 * dropped silently once the agent is gone.
 */
export interface AgentReply {
  /** How the program is called in the commands that a refusal tells the agent's person. */
  readonly program: string;
  /** Pass an interim answer (102, or 103 with its links) on, before the head. */
  interim(status: number, headers: readonly string[]): void;
  /** Send the status line and headers (names and values alternating). Once only. */
  head(status: number, headers: readonly string[]): void;
  /** Write body bytes. False asks to wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  /** End the body normally. */
  end(): void;
  /** Send `lastWords`, then cut the connection, so that no client takes what it has for a complete answer. */
  cut(lastWords: Uint8Array | null): void;
  readonly headSent: boolean;
  readonly gone: boolean;
  /** Called once when the agent closes its side before the answer has ended. */
  onGone(listener: () => void): void;
  onDrain(listener: () => void): void;
}
