import { readTextFile } from '../text-file.ts';
import type { Outcome } from './command.ts';

type JsonFile = { readonly kind: 'value'; readonly value: unknown } | Extract<Outcome, { kind: 'failed' }>;

/** The value of a JSON file that was named on the command line, or why it cannot be used. */
export async function readJsonFile(file: string): Promise<JsonFile> {
  const read = await readTextFile(file);
  if (read.kind === 'unreadable') return unreadableFile(file, read.why);
  try {
    return { kind: 'value', value: JSON.parse(read.text) as unknown };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be parsed';
    return { kind: 'failed', code: 'file_invalid', message: `${file} is not valid JSON: ${why}` };
  }
}

/** The failure of a command whose file cannot be read. */
export const unreadableFile = (file: string, why: string): Extract<Outcome, { kind: 'failed' }> => ({
  kind: 'failed',
  code: 'file_unreadable',
  message: `${file} cannot be read: ${why}.`,
});
