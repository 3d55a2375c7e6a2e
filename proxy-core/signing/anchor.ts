import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderAnchorLine, type SignedHead } from '../audit/signed-head.ts';
import type { Channel } from '../channels/channel.ts';

/**
 * A second place for signed heads. Threat: who can change the home folder can cut off the audit's end, or rehash all of
 * it and sign anew; a head written elsewhere before still says otherwise. Writing never blocks a call.
 */
export interface Anchor {
  /** Where it lies, for people: a path, `webhook://NAME`. */
  readonly name: string;
  /** Put a head there. Rejects with one sentence if that failed; it is tried again with the next head. */
  write(head: SignedHead): Promise<void>;
}

/** The folder for anchor files where nothing else is configured: the user's state folder, never the home folder. */
export function defaultAnchorFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const user = homedir();
  if (platform === 'win32') return join(env['LOCALAPPDATA'] || join(user, 'AppData', 'Local'), 'Rungate Anchors');
  if (platform === 'darwin') return join(user, 'Library', 'Application Support', 'Rungate Anchors');
  // XDG Base Directory: a relative XDG_STATE_HOME is invalid and ignored.
  const base = env['XDG_STATE_HOME']?.startsWith('/') ? env['XDG_STATE_HOME'] : join(user, '.local', 'state');
  return join(base, 'rungate', 'anchors');
}

/** An installation's file in that folder. */
export const anchorFileIn = (folder: string, installation: string): string => join(folder, `${installation}.jsonl`);

/** An append-only file of JSON lines; made 0600 in a 0700 folder if it is not there. */
export const fileAnchor = (path: string): Anchor => ({
  name: path,
  async write(head) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    try {
      await file.writeFile(`${await unfinishedLine(path, file)}${renderAnchorLine(head)}`);
      await file.sync();
    } finally {
      await file.close();
    }
  },
});

/** A line break where a crash or a full disk left a line unfinished. */
async function unfinishedLine(path: string, file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  if (size === 0) return '';
  const reader = await open(path, 'r');
  try {
    const { buffer } = await reader.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a ? '' : '\n';
  } finally {
    await reader.close();
  }
}

/** A webhook channel: each head is one signed delivery. */
export const webhookAnchor = (channel: Channel): Anchor => ({
  name: channel.name,
  async write(head) {
    const timestamp = new Date(head.at).toISOString();
    const result = await channel.deliver({
      eventId: `anchor_${head.installation}_${head.seq}`,
      event: 'audit.anchor',
      payload: JSON.stringify({ type: 'audit.anchor', timestamp, data: head }),
    });
    if (result.kind === 'failed') throw new Error(result.detail);
  },
});

/** Whether two paths lie in one another: an anchor inside the home folder is no second place. */
export async function liesIn(path: string, folder: string): Promise<boolean> {
  const inside = (child: string): boolean =>
    child === folder || child.startsWith(`${folder}/`) || child.startsWith(`${folder}\\`);
  if (inside(path)) return true;
  // The same folder under another name (a link).
  const [parent, home] = await Promise.all([stat(dirname(path)).catch(() => null), stat(folder).catch(() => null)]);
  return parent !== null && home !== null && parent.ino === home.ino && parent.dev === home.dev;
}
