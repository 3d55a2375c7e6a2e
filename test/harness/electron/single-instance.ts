import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { host } from './main-link.ts';

/** The lock that lets one app own a profile; whoever finds it taken wakes the owner with its own command line. */
export interface InstanceLock {
  request(additional: unknown): boolean;
  held(): boolean;
  release(): void;
}

/** Electron keeps a file of this name in the user data too. */
const NAME = 'SingletonLock';

export function createInstanceLock(userData: () => string): InstanceLock {
  let owned: string | null = null;
  return {
    request(additional) {
      if (owned !== null) return true;
      mkdirSync(userData(), { recursive: true, mode: 0o700 });
      const path = join(userData(), NAME);
      if (isAlive(ownerOf(path))) {
        host.tell('instance.second', { argv: process.argv, cwd: process.cwd(), additional: additional ?? null });
        return false;
      }
      writeFileSync(path, String(process.pid));
      owned = path;
      return true;
    },
    held: () => owned !== null,
    release() {
      if (owned !== null) rmSync(owned, { force: true });
      owned = null;
    },
  };
}

function ownerOf(path: string): number | null {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function isAlive(pid: number | null): boolean {
  if (pid === null || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
