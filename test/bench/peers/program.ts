import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A program under test in a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first line of standard output. Rejects, with what it said, if it ends before that. */
  readonly firstLine: Promise<string>;
  stop(): Promise<void>;
}

/** How long a program may take to end by itself before it is killed, ms. */
const PATIENCE = 15_000;

/** Start a Node program (TypeScript or bundled). It has a fork channel, so that it can end with its parent. */
export function startNode(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Program {
  return watch(spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
}

/** Start any program. */
export function startProgram(command: string, argv: readonly string[], cwd?: string): Program {
  return watch(spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) }));
}

function watch(child: ChildProcess): Program {
  const said: string[] = [];
  const firstLine = new Promise<string>((resolve, reject) => {
    if (child.stdout !== null) createInterface(child.stdout).on('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${said.join('').slice(-2000)}`)));
  });
  firstLine.catch(() => undefined); // not every program says something, and all of them end
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.push(text);
    if (said.length > 100) said.shift();
  });
  return { child, pid: child.pid ?? -1, firstLine, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await ended;
  clearTimeout(late);
}

/** CPU time of a process and all its threads so far, microseconds; null where /proc does not tell. */
export function cpuMicroseconds(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => {
      const [running = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      return sum + Number(running) / 1000;
    }, 0);
  } catch {
    return null;
  }
}

/** Resident memory of a process now and at its highest, MiB; null where /proc does not tell. */
export function residentMegabytes(pid: number): { readonly now: number; readonly peak: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    return { now: field('VmRSS'), peak: field('VmHWM') };
  } catch {
    return null;
  }
}
