import { readFile, stat } from 'node:fs/promises';

/** A file's text, or why it cannot be read, as the end of a sentence. */
export type TextFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly why: string };

// A document is a page or two; a database or a device given by mistake must not be read whole.
const MAX_BYTES = 1024 * 1024;

/** Read a UTF-8 text file of at most 1 MiB. Never rejects. */
export async function readTextFile(file: string): Promise<TextFile> {
  const unreadable = (why: string) => ({ kind: 'unreadable', why }) as const;
  try {
    const found = await stat(file);
    if (!found.isFile()) return unreadable('it is not a file');
    if (found.size > MAX_BYTES) return unreadable('it is larger than 1 MiB');
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)) };
  } catch (error) {
    return unreadable(explain(error));
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return READ_ERRORS[code] ?? code;
}
