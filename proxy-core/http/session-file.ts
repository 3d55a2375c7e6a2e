import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalText } from '../audit/canonical.ts';
import type { Log } from '../ports.ts';
import { type OpenedKey, signText, verifyText } from '../signing/signing-key.ts';

/**
 * The console's sessions in the home folder, so that a restart or a crash signs nobody out.
 *
 * Threat: whoever could add a session would be an operator. The file is 0600, holds hashes of cookies and public keys
 * only, and is signed by the installation's key: a file that was written without it is not read. Without an opened key
 * nothing is kept, and a restart ends all sessions.
 */
export interface SessionKeep {
  /** What an earlier start has kept; nothing where that cannot be trusted. */
  load(): readonly KeptSession[];
  /** Replace what is kept. Never rejects: a session that could not be kept lasts until the core ends. */
  save(sessions: readonly KeptSession[]): Promise<void>;
}

const keptSession = z.strictObject({
  /** SHA-256 of the cookie's secret, hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** The public half of the page's key: an uncompressed point, base64url. */
  key: z.string().max(100),
  /** When a proof was last accepted, epoch ms. */
  used_at: z.int(),
});
/** A session as it is kept. */
export type KeptSession = z.infer<typeof keptSession>;

const sessionFile = z.strictObject({
  rungate_console_sessions: z.literal(1),
  sessions: z.array(keptSession).max(1_000),
  signature: z.string().max(200),
});

const FILE = 'console-sessions.json';

/** Keep sessions in a home folder under its signing key. */
export function createSessionFile(home: string, key: OpenedKey, log: Log): SessionKeep {
  const path = join(home, FILE);
  let writing = Promise.resolve();
  return {
    load() {
      const text = readText(path);
      if (text === null || key.kind !== 'opened') return [];
      const sessions = readSigned(text, key.key.raw);
      if (sessions === null) log.warn('console.sessions_refused', { file: FILE });
      return sessions ?? [];
    },
    save(sessions) {
      if (key.kind !== 'opened') return Promise.resolve();
      const signature = signText(key.key.privateKey, signedText(sessions));
      const text = `${canonicalText({ rungate_console_sessions: 1, sessions, signature })}\n`;
      writing = writing
        .then(() => replaceFile(path, text))
        .catch((error: unknown) => log.warn('console.sessions_not_kept', { error: String(error) }));
      return writing;
    },
  };
}

const signedText = (sessions: readonly KeptSession[]): string =>
  canonicalText({ rungate_console_sessions: 1, sessions });

function readSigned(text: string, rawKey: string): readonly KeptSession[] | null {
  try {
    const { sessions, signature } = sessionFile.parse(JSON.parse(text));
    return verifyText(rawKey, signedText(sessions), signature) ? sessions : null;
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** In one step: a crash leaves the file before or the file after. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
