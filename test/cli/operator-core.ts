import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { prepareSocketFolder, socketPath } from '../../electron/socket-path.ts';
import { startTestRungate, type TestOptions, type TestRungate } from '../harness/rungate.ts';
import { type Finished, rungate as runRungate, temporaryFolder } from './rungate-process.ts';

/** A real core with its command socket, and the command beside it. */
export interface OperatorCore {
  readonly core: TestRungate;
  /** Run `rungate` against this core. */
  rungate(...argv: string[]): Promise<Finished>;
  /** Run it with `--json`; fails the test unless it exits 0. */
  json<T = Record<string, never>>(...argv: string[]): Promise<T>;
  /** Run it with `--json` and give the error it exits 1 with. */
  error(...argv: string[]): Promise<CommandError>;
}

export interface CommandError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Start a core that takes decisions from the command line; closed when the test ends. */
export async function startOperatorCore(options: TestOptions = {}): Promise<OperatorCore> {
  const home = mkdtempSync(join(tmpdir(), 'rungate-operator-'));
  const socket = socketPath(home);
  const core = await startTestRungate({
    home,
    commandSocket: socket,
    beforeListen: () => prepareSocketFolder(socket),
    limits: { cliDecisions: true },
    ...options,
  });
  onTestFinished(() => core.close());
  const rungate = (...argv: string[]) => runRungate(argv, { RUNGATE_HOME: home });
  return {
    core,
    rungate,
    async json(...argv) {
      const ended = await rungate(...argv, '--json');
      if (ended.code !== 0) throw new Error(`exit ${ended.code}: ${ended.err}`);
      return JSON.parse(ended.out);
    },
    async error(...argv) {
      const ended = await rungate(...argv, '--json');
      if (ended.code !== 1 || ended.out !== '') throw new Error(`exit ${ended.code}: ${ended.out}${ended.err}`);
      return (JSON.parse(ended.err) as { error: CommandError }).error;
    },
  };
}

/** A file that is gone after the test. */
export function writeFile(name: string, content: string): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}
