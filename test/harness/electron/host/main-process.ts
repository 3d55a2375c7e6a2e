import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LAUNCH_VARIABLE, type Launch } from '../launch.ts';
import { createLink, type Link } from '../link.ts';
import type { ForHost, ForMain } from '../messages.ts';

/** What the test process asks of the main process. */
export type MainLink = Link<ForMain, ForHost>;

/** The app's main process, forked. */
export interface MainProcess {
  readonly link: MainLink;
  readonly pid: number;
  /** What it has written, for a failed test. */
  output(): string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(): void;
}

export interface MainOptions {
  readonly launch: Launch;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const file = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Start the built main bundle in plain Node, with the stand-in in place of `electron`. */
export function startMainProcess({ launch, args, env }: MainOptions): MainProcess {
  const child: ChildProcess = fork(file('boot.ts'), args, {
    execArgv: ['--expose-gc', '--no-warnings', '--import', file('register.ts')],
    env: { ...usualEnvironment(), ...env, [LAUNCH_VARIABLE]: JSON.stringify(launch) },
    // Structured clones, as Electron's own IPC carries.
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const written: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => written.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => written.push(chunk));
  const output = (): string => Buffer.concat(written).toString();
  const link = createLink<ForMain, ForHost>((message) => {
    // Without a callback a main process that has just ended surfaces here as an error of the test.
    if (child.connected) child.send(message as object, () => undefined);
  });
  child.on('message', link.receive);
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  void ended.then((how) => link.cut(new Error(`the main process has ended (${how})\n${output()}`)));
  return { link, pid: child.pid ?? -1, output, ended, kill: () => void child.kill('SIGKILL') };
}

/** What of this process's environment a desktop app would have too; nothing that names a real profile or a key. */
function usualEnvironment(): Record<string, string> {
  const names = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_V8_COVERAGE', 'SystemRoot'];
  const present = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(present);
}
