import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What writing came to; `why` is the end of a sentence. */
export type Written =
  | { readonly kind: 'written' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'unwritable'; readonly why: string };

/** Whether something (a link to nothing, too) has this name. */
export async function isTaken(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/**
 * Write a file that only this user can read (0600; Windows keeps the folder's own rights). With `replace` it takes the
 * place of what is there in one step, so that a full disk never costs the key that was there. Never rejects.
 */
export async function writePrivateFile(file: string, text: string, replace: boolean): Promise<Written> {
  const draft = replace ? `${file}.${randomBytes(6).toString('hex')}` : file;
  try {
    await writeNew(draft, text);
    if (replace) await renameOrRemove(draft, file);
    return { kind: 'written' };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'EEXIST') return { kind: 'exists' };
    return { kind: 'unwritable', why: WRITE_ERRORS[code]?.(file) ?? code };
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function renameOrRemove(draft: string, file: string): Promise<void> {
  try {
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

const WRITE_ERRORS: Readonly<Record<string, (file: string) => string>> = {
  ENOENT: (file) => `there is no folder ${dirname(file)}`,
  ENOTDIR: (file) => `${dirname(file)} is not a folder`,
  EACCES: (file) => `this user may not write to ${dirname(file)}`,
  EPERM: (file) => `this user may not write to ${dirname(file)}`,
  EROFS: () => 'the disk is read-only',
  ENOSPC: () => 'the disk is full',
  EISDIR: () => 'it is a folder',
};
