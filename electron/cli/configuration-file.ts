import { readFile, stat } from 'node:fs/promises';
import { type ParsedConfiguration, parseConfiguration, renderProblems } from '../../proxy-core/config/parse.ts';
import type { Outcome } from './command.ts';

// A configuration is a page or two; a database or a device given by mistake must not be read whole.
const MAX_BYTES = 1024 * 1024;

export { renderProblems };

/** Read and parse a configuration file; `failed` when it cannot be read at all. */
export async function readConfiguration(
  file: string,
): Promise<ParsedConfiguration | Extract<Outcome, { kind: 'failed' }>> {
  const unreadable = (why: string) =>
    ({ kind: 'failed', code: 'config_unreadable', message: `${file} cannot be read: ${why}.` }) as const;
  try {
    const found = await stat(file);
    if (!found.isFile()) return unreadable('it is not a file');
    if (found.size > MAX_BYTES) return unreadable('it is larger than 1 MiB');
    return parseConfiguration(new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)), file);
  } catch (error) {
    return unreadable(explainReadError(error));
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

function explainReadError(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return READ_ERRORS[code] ?? code;
}

/** The failure of a command that needs a valid configuration: every problem with its line. */
export function configurationFailure(parsed: Extract<ParsedConfiguration, { kind: 'problems' }>) {
  return {
    kind: 'failed',
    code: 'config_invalid',
    message: `the configuration has problems:\n${renderProblems(parsed.file, parsed.problems)}`,
  } as const;
}
