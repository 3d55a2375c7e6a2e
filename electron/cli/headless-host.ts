import type { Configuration } from '../../proxy-core/config/schema.ts';
import type { Program } from '../../proxy-core/contract/program.ts';
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
  /** How this program is called in the commands that the core tells. */
  readonly program: Program;
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

/** Starts a core. Rejects for a reason that `findStartProblem` can explain, or with a bug. */
export type StartHeadless = (options: HeadlessOptions) => Promise<Headless>;
