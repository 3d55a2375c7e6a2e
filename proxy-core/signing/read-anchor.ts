import { readFileSync } from 'node:fs';
import type { AnchorText } from './verify-store.ts';

/** An anchor file's text; one that does not exist yet holds nothing. Throws if it cannot be read. */
export function readAnchor(name: string): AnchorText {
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { name, text: '' };
    throw error;
  }
}
