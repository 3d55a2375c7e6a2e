import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CoreOptions } from '../../proxy-core/exchange/core.ts';

/** A core in a process of its own. */
export interface Victim {
  readonly pid: number;
  /** Where it serves; null if it died before it did. */
  readonly url: string | null;
  /** Resolves with the signal or exit code that ended it. */
  readonly ended: Promise<NodeJS.Signals | number | null>;
  /** Resolves once it has printed this line. */
  said(line: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const PROGRAM = fileURLToPath(new URL('../faults/victim.ts', import.meta.url));

export interface VictimOptions {
  /** Where its store kills it (`name:pass`). */
  readonly failPoint?: string;
  readonly limits?: Partial<CoreOptions>;
}

/** Start a core on `home`. */
export async function startVictim(home: string, upstreamUrl: string, options: VictimOptions = {}): Promise<Victim> {
  const child: ChildProcess = spawn(
    process.execPath,
    [PROGRAM, home, upstreamUrl, JSON.stringify(options.limits ?? {})],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        RUNGATE_FAIL_POINT: options.failPoint ?? '',
        // Compiling the sources anew for each of many short lives would take most of the time.
        NODE_COMPILE_CACHE: join(tmpdir(), 'rungate-victim-cache'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as NodeJS.Signals | number | null);
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener();
    });
  }
  const line = (wanted: (line: string) => boolean): Promise<string> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = lines.find(wanted);
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });
  const url = await Promise.race([line((text) => text.startsWith('http://')), ended.then(() => null)]);
  return {
    pid: child.pid ?? -1,
    url,
    ended,
    said: async (wanted) => void (await line((text) => text === wanted)),
    kill: (signal) => void child.kill(signal),
  };
}
