import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Check, fail, ok, warn } from './check.ts';

/** Whether a folder is there, or can be made: `there`, `can_be_made`, or `cannot` with the place that stands in the way. */
export type Place =
  | { readonly kind: 'there' }
  | { readonly kind: 'can_be_made' }
  | { readonly kind: 'cannot'; readonly why: string };

/** Look for a folder without making it. */
export function lookForFolder(folder: string): Place {
  const nearest = nearestThere(folder);
  if (!statSync(nearest).isDirectory()) return { kind: 'cannot', why: `${nearest} is not a folder` };
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
  } catch {
    return { kind: 'cannot', why: `this user may not write to ${nearest}` };
  }
  return nearest === folder ? { kind: 'there' } : { kind: 'can_be_made' };
}

/** The folder itself or the nearest above it that can be looked at; the root always can. */
function nearestThere(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    try {
      statSync(at);
      return at;
    } catch {
      if (dirname(at) === at) return at;
    }
  }
}

const MIB = 1_048_576;
const TIGHT_MIB = 1024;
const TOO_LITTLE_MIB = 100;

/** The room on the disk that holds, or will hold, a folder. */
export function checkDisk(home: string): Check {
  const at = nearestThere(home);
  const { bavail, bsize } = statfsSync(at);
  const free = Math.floor((bavail * bsize) / MIB);
  const shown = free >= 10 * TIGHT_MIB ? `${Math.floor(free / 1024)} GiB` : `${free} MiB`;
  const fix = 'Make room, or let old traces go: retention in the configuration (the audit always stays).';
  if (free < TOO_LITTLE_MIB)
    return fail('disk', `only ${shown} are free at ${at}: calls are refused when it is full`, fix);
  return free < TIGHT_MIB ? warn('disk', `only ${shown} are free at ${at}`, fix) : ok('disk', `${shown} free at ${at}`);
}
