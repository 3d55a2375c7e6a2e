import type { Readable, Writable } from '../handle.ts';
import type { Notice, VerbInput } from '../store.ts';

/** The outbox: what people are to be told, one row per event and channel, kept until it is delivered or given up. */

const SELECT_NOTICE = `SELECT notice_id AS noticeId, event_id AS eventId, channel, event, payload, created_at AS createdAt,
  attempts, next_at AS nextAt, delivered_at AS deliveredAt, error FROM notices`;

/** Add a notice, due at once. False if this event is in the outbox for this channel. */
export function insertNotice(db: Writable, notice: VerbInput<'enqueueNotice'>): boolean {
  return (
    db.run(
      `INSERT INTO notices (event_id, channel, event, payload, created_at, next_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      notice.eventId,
      notice.channel,
      notice.event,
      notice.payload,
      notice.at,
      notice.at,
    ) === 1
  );
}

/** Note one attempt at a notice that is neither delivered nor given up; false if there is none. */
export function noteAttempt(db: Writable, { at, noticeId, nextAt, error }: VerbInput<'noteDelivery'>): boolean {
  const deliveredAt = nextAt === null && error === null ? at : null;
  return (
    db.run(
      `UPDATE notices SET attempts = attempts + 1, next_at = ?, delivered_at = ?, error = ?
       WHERE notice_id = +? AND next_at IS NOT NULL`,
      nextAt,
      deliveredAt,
      error,
      noticeId,
    ) === 1
  );
}

/** Notices due at `now` (epoch ms), the longest due first. */
export const listDueNotices = (db: Readable, now: number, limit: number): readonly Notice[] =>
  db.all<Notice>(
    `${SELECT_NOTICE} WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at, notice_id LIMIT ?`,
    now,
    limit,
  );

/** The latest notices, of one channel or all. */
export const listNotices = (
  db: Readable,
  { channel, limit }: { readonly channel?: string; readonly limit: number },
): readonly Notice[] =>
  channel === undefined
    ? db.all<Notice>(`${SELECT_NOTICE} ORDER BY notice_id DESC LIMIT ?`, limit)
    : db.all<Notice>(`${SELECT_NOTICE} WHERE channel = +? ORDER BY notice_id DESC LIMIT ?`, channel, limit);
