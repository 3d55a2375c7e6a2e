import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/**
 * Whether this process (or the machine) has no file descriptor left. Libraries report that as whatever could not be opened
 * (a database, a thread, a name that is not found); asked right after such a failure, this names the cause.
 */
export function descriptorsExhausted(): boolean {
  try {
    closeSync(openSync(devNull, 'r'));
    return false;
  } catch (error) {
    return isExhaustion(error);
  }
}

/** Whether an error of the operating system says so itself: the process' limit (EMFILE) or the machine's (ENFILE). */
export const isExhaustion = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');

/** What an operator can do about it. */
export const FREE_DESCRIPTORS =
  'Close connections that nobody uses, or start Rungate with a higher limit of open files (ulimit -n).';
