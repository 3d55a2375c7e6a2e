import type { HostRecord } from './contract/host.ts';

/**
 * What the host lends the core: time, randomness and a place for log lines. Everything else the core needs
 * it opens itself, so that the desktop app, the headless server and the tests start the same program.
 */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What the program around the core can do for a person. A desktop app can do all of it, a headless core little. */
export interface HostPort {
  /** As it stands now; asked for with every snapshot. */
  describe(): HostRecord;
  /** Ask where to save a prepared file and put it there; the path, or null if the person cancelled. Null: no dialogs here. */
  readonly saveFile: ((from: string, suggestedName: string) => Promise<string | null>) | null;
  /** Print a self-contained local HTML file, offline; rejects if it cannot be printed. Null: nothing here can print. */
  readonly printPdf: ((htmlFile: string, paper: 'A4' | 'Letter') => Promise<Uint8Array>) | null;
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
