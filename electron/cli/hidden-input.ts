import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';

/**
 * Secrets that are typed or piped in. Threat: a key on the command line is in the shell's history and in every process
 * list, and one that is echoed is on the screen and in its scroll-back; so it comes from standard input and is not shown.
 */

// Keys are a line; something large was piped in by mistake.
const MAX_INPUT_BYTES = 64 * 1024;

/** Everything up to the end of a pipe, or null when that is more than 64 KiB. */
export async function readPipe(input: Readable): Promise<string | null> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of input) {
    const bytes = Buffer.from(piece as Uint8Array);
    size += bytes.length;
    if (size > MAX_INPUT_BYTES) return null;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Asks a person at a terminal. */
export interface HiddenPrompt {
  /** The line that was typed; null when the person gave up (Ctrl-C, Ctrl-D). */
  ask(question: string): Promise<string | null>;
  close(): void;
}

/** A prompt on a terminal; questions are written to `shown`, what is typed nowhere. */
export function openHiddenPrompt(input: Readable, shown: Writable): HiddenPrompt {
  const nowhere = new Writable({ write: (_bytes, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  const left = new AbortController();
  lines.once('SIGINT', () => left.abort());
  lines.once('close', () => left.abort());
  return {
    async ask(question) {
      shown.write(question);
      try {
        return await lines.question('', { signal: left.signal });
      } catch {
        return null; // only the signal and the end of the input end a question
      } finally {
        shown.write('\n');
      }
    },
    close: () => lines.close(),
  };
}
