import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** What the window remembers from one start to the next. Losing it costs nothing, so nothing here fails. */
const windowMemory = z.object({
  bounds: z.object({ x: z.int(), y: z.int(), width: z.int(), height: z.int() }).nullable(),
  maximized: z.boolean(),
  /** The person has been told that closing the window leaves Rungate running. */
  told_of_tray: z.boolean(),
});
export type WindowMemory = z.infer<typeof windowMemory>;

const NOTHING: WindowMemory = { bounds: null, maximized: false, told_of_tray: false };

export interface WindowMemoryFile {
  read(): WindowMemory;
  change(part: Partial<WindowMemory>): void;
}

/** A memory in a file of the user's own. */
export function openWindowMemory(file: string): WindowMemoryFile {
  let memory = readMemory(file);
  return {
    read: () => memory,
    change(part) {
      memory = { ...memory, ...part };
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, JSON.stringify(memory), { mode: 0o600 });
      } catch {
        // A full disk is the store's to report; the window's place is not worth a message.
      }
    },
  };
}

function readMemory(file: string): WindowMemory {
  try {
    const parsed = windowMemory.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? parsed.data : NOTHING;
  } catch {
    return NOTHING;
  }
}
