import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { failure } from '../contract/failures.ts';
import type { Clock, Random } from '../ports.ts';
import { type ExportDoor, sendExport } from './export-routes.ts';
import { refuse } from './operator-reply.ts';

/**
 * `POST /api/exports/ID/ticket` → `{ ticket }`, then `GET /download/TICKET`: an export that is too large for a script to
 * hold, saved by the browser itself, which signs nothing.
 *
 * Threat: an address can be seen by others, so it must open next to nothing: 128 random bits, given to a page that has
 * proven itself, for one export, once, within a minute, and answered as an attachment only.
 */
export function addTicketRoutes(server: FastifyInstance, { clock, random }: Lent, door: ExportDoor): void {
  const tickets = new Map<string, { readonly exportId: string; readonly until: number }>();
  server.post<{ Params: { id: string } }>('/api/exports/:id/ticket', async (request, reply) => {
    const { id: exportId } = request.params;
    if (door.find(exportId) === null) return refuse(reply, failure('not_found', 'There is no such export.'));
    const ticket = Buffer.from(random.bytes(TICKET_BYTES)).toString('base64url');
    tickets.set(digestOf(ticket), { exportId, until: clock.now() + LIFE_MS });
    const [oldest] = tickets.keys();
    if (tickets.size > TICKETS_AT_MOST && oldest !== undefined) tickets.delete(oldest);
    return reply.send({ ok: true, value: { ticket } });
  });
  server.get<{ Params: { ticket: string } }>(
    '/download/:ticket',
    { exposeHeadRoute: false },
    async (request, reply) => {
      const digest = digestOf(request.params.ticket);
      const ticket = tickets.get(digest);
      tickets.delete(digest);
      if (ticket === undefined || clock.now() >= ticket.until)
        return refuse(reply, failure('not_found', 'This download address was used, or is older than a minute.'));
      return sendExport(reply, door, ticket.exportId);
    },
  );
}

interface Lent {
  readonly clock: Clock;
  readonly random: Random;
}

const TICKET_BYTES = 16;
const LIFE_MS = 60_000;
const TICKETS_AT_MOST = 64;

const digestOf = (text: string): string => hash('sha256', text, 'hex');
