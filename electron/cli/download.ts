import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { distrustSocketFolder, socketPath } from '../socket-path.ts';
import { CoreUnreachable, explain } from './connection.ts';

/** What the command socket serves beside operations. */

const progress = z.object({ value: z.object({ done: z.int(), of: z.int() }) });

/** How far an export is, or null if nothing can be said. Never rejects. */
export async function askProgress(home: string, exportId: string): Promise<{ done: number; of: number } | null> {
  try {
    const answer = await openGet(home, `/api/exports/${exportId}/progress`);
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    const parsed = progress.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.value : null;
  } catch {
    return null;
  }
}

/** Fetch a prepared export (or its `.sig`) into a new private file; returns its SHA-256. Leaves nothing behind if it fails. */
export async function downloadExport(home: string, exportId: string, file: string): Promise<string> {
  const answer = await openGet(home, `/api/exports/${exportId}`);
  if (answer.statusCode !== 200) {
    answer.resume();
    throw new CoreUnreachable('core_mismatch', `The core does not hand out the export (${answer.statusCode}).`);
  }
  const hash = createHash('sha256');
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(answer, measured, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true });
    throw error;
  }
  return hash.digest('hex');
}

function openGet(home: string, path: string): Promise<IncomingMessage> {
  const socket = socketPath(home);
  const distrust = distrustSocketFolder(socket);
  if (distrust !== null)
    return Promise.reject(new CoreUnreachable('socket_refused', `The command socket is not safe: ${distrust}.`));
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: socket, path, method: 'GET', headers: { host: 'rungate' }, agent: false },
      resolve,
    );
    call.on('error', (error: NodeJS.ErrnoException) => reject(explain(error, home)));
    call.end();
  });
}
