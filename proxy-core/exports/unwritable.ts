import { descriptorsExhausted, FREE_DESCRIPTORS } from '../store/descriptors.ts';

/** Errors of the operating system that say where the fault lies, in words behind "The export cannot be written: ". */
const WHY: Readonly<Record<string, string>> = {
  EROFS: 'the home folder is read-only. Make it writable for the time being',
  EACCES: 'this user may not write in the home folder. Give it access',
  EPERM: 'this user may not write in the home folder. Give it access',
  ENOSPC: 'the disk of the home folder is full. Free disk space',
  EDQUOT: 'this user’s quota on the disk of the home folder is used up. Free disk space',
};

/** What keeps an export from being written, and what to do, in one text; null where it is something else. */
export function whyUnwritable(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const why = WHY[code];
  if (why !== undefined) return `The export cannot be written: ${why}, then export again.`;
  return descriptorsExhausted()
    ? `The export cannot be written: no file descriptor is left. ${FREE_DESCRIPTORS}`
    : null;
}
