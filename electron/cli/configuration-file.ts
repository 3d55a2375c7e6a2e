import { type ParsedConfiguration, parseConfiguration, renderProblems } from '../../proxy-core/config/parse.ts';
import { readTextFile } from '../text-file.ts';
import type { Outcome } from './command.ts';

export { renderProblems };

/** Read and parse a configuration file; `failed` when it cannot be read at all. */
export async function readConfiguration(
  file: string,
): Promise<ParsedConfiguration | Extract<Outcome, { kind: 'failed' }>> {
  const read = await readTextFile(file);
  if (read.kind === 'text') return parseConfiguration(read.text, file);
  return { kind: 'failed', code: 'config_unreadable', message: `${file} cannot be read: ${read.why}.` };
}

/** The failure of a command that needs a valid configuration: every problem with its line. */
export function configurationFailure(parsed: Extract<ParsedConfiguration, { kind: 'problems' }>) {
  return {
    kind: 'failed',
    code: 'config_invalid',
    message: `the configuration has problems:\n${renderProblems(parsed.file, parsed.problems)}`,
  } as const;
}
