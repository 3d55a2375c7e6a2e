/**
 * What the host lends the core: time, randomness and a place for log lines. Everything else the core needs
 * it opens itself, so that the desktop app, the headless server and the tests start the same program.
 */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Wall-clock time. Tests lend a clock that they move by hand. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(count: number): Uint8Array;
}

/** Structured, redacted log lines; never a place for prompts, keys or tokens. */
export interface Log {
  info(event: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(event: string, facts?: Readonly<Record<string, unknown>>): void;
  error(event: string, facts?: Readonly<Record<string, unknown>>): void;
}
