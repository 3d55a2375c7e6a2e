import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { failure } from '../contract/failures.ts';
import type { ExportDesk } from '../exports/export-desk.ts';
import { refuse } from './operator-reply.ts';

/** What the door needs of the desk. */
export type ExportDoor = Pick<ExportDesk, 'find' | 'remove' | 'progress'>;

/**
 * `GET /api/exports/ID`: a prepared export, once; `ID.sig`: the seal of one that has it beside; `ID/progress`: how far
 * one is that is being made, for the command line, which hears no events. Threat: an HTML report
 * opened on the operator's own origin would be a page of that origin, so it is always a download.
 */
export function addExportRoutes(server: FastifyInstance, door: ExportDoor): void {
  server.get<{ Params: { id: string } }>('/api/exports/:id/progress', async (request, reply) => {
    const value = door.progress(request.params.id);
    return value === null
      ? refuse(reply, failure('not_found', 'Nothing is being made.'))
      : reply.send({ ok: true, value });
  });
  server.get<{ Params: { id: string } }>('/api/exports/:id', async (request, reply) => {
    return sendExport(reply, door, request.params.id);
  });
}

/** Answer with an export (or, for `ID.sig`, its seal) as a download, or say that there is none. */
export async function sendExport(reply: FastifyReply, door: ExportDoor, id: string): Promise<FastifyReply> {
  const sig = id.endsWith('.sig');
  const exportId = sig ? id.slice(0, -'.sig'.length) : id;
  const found = door.find(exportId);
  const path = sig ? (found?.sealPath ?? null) : (found?.path ?? null);
  if (found === null || path === null)
    return refuse(reply, failure('not_found', 'There is no such export: it was fetched, or has waited too long.'));
  const { file_name: name, content_type: type } = found.prepared;
  const { size } = await stat(path);
  const stream = createReadStream(path);
  // A seal that lies beside the file is to be fetched before it; whoever stops half-way may fetch again.
  if (!sig) reply.raw.once('finish', () => door.remove(exportId));
  return reply
    .headers({
      'content-type': sig ? 'application/json' : type,
      'content-length': size,
      'content-disposition': `attachment; filename="${sig ? `${name}.sig` : name}"`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    .send(stream);
}
