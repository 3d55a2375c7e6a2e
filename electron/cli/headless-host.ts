import type { Configuration } from '../../proxy-core/config/schema.ts';
import type { Log } from '../../proxy-core/ports.ts';
import type { DemoAccess } from './demo-lines.ts';

/** What `serve` asks the headless host to start. Port 0 picks a free one. */
export interface HeadlessOptions {
  readonly home: string;
  readonly agentPort: number;
  readonly consolePort: number;
  readonly configuration: Configuration | null;
  /** Absolute; relative paths of the configuration are relative to its folder. */
  readonly configFile: string | null;
  readonly demo: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
}

/** A running core. */
export interface Headless {
  readonly agentUrl: string;
  readonly consoleUrl: string;
  /** Opens the console once, without a further sign-in. */
  readonly launchUrl: string;
  readonly pid: number;
  readonly demo: DemoAccess | null;
  /** Refuse new calls, let those in flight end, settle, close. */
  stop(): Promise<void>;
}

/** Starts a core. Rejects with a StartProblem for what an operator can cure, with any other Error for a bug. */
export type StartHeadless = (options: HeadlessOptions) => Promise<Headless>;

/** An expected reason not to start, and what to do about it. */
export interface StartProblem extends Error {
  readonly hint: string;
}

/** Whether a start failed for a reason that the operator can cure. */
export const isStartProblem = (error: unknown): error is StartProblem =>
  error instanceof Error && 'hint' in error && typeof error.hint === 'string';
