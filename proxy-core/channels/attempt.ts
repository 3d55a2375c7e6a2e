import { createHash } from 'node:crypto';
import { z } from 'zod';
import { nextAttemptAt } from '../notify/backoff.ts';
import type { Sha256 } from '../notify/event-id.ts';
import { isOutdated } from '../notify/notice.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Notice, Store, StoreReader } from '../store/store.ts';
import type { Channel, DeliveryResult } from './channel.ts';
import { type ChannelHealth, OUTDATED } from './channel-health.ts';
import type { Worked } from './lanes.ts';

/** What a notice for a channel that is not configured (any more) is told. */
export const NOT_CONFIGURED = 'no channel of this name is configured';

export const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex');

interface Lent {
  readonly store: Pick<Store, 'write'> & { readonly read: Pick<StoreReader, 'gate'> };
  readonly channels: ReadonlyMap<string, Channel>;
  readonly health: ChannelHealth;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Whether the outbox is closing: what fails then has been cut off by us. */
  closing(): boolean;
}

type Result = DeliveryResult | { readonly kind: 'outdated' };

/** One attempt at a notice: send it unless it is outdated, and note in the store what came of it. */
export const createAttempt =
  (lent: Lent) =>
  async (notice: Notice): Promise<Worked> => {
    const { clock, health, log, redactor } = lent;
    const result = await tryNotice(lent, notice);
    // Cut off by us, not by the receiver: the next start tries again, and no attempt is counted.
    if (lent.closing() && result.kind === 'failed') return 'held';
    const now = clock.now();
    const { nextAt, error } = outcomeOf(redactor, result, notice, now, jitterOf(lent.random));
    if (result.kind !== 'outdated') health.note(notice.channel, error);
    report(log, notice, nextAt, error);
    try {
      await lent.store.write('noteDelivery', { at: now, noticeId: notice.noticeId, nextAt, error }).committed;
      return 'noted';
    } catch (failure) {
      log.error('notice.not_noted', { channel: notice.channel, event_id: notice.eventId, error: String(failure) });
      return 'held';
    }
  };

async function tryNotice({ store, channels }: Lent, notice: Notice): Promise<Result> {
  const channel = channels.get(notice.channel);
  if (channel === undefined) return { kind: 'failed', retryable: true, detail: NOT_CONFIGURED };
  try {
    if (isOutdatedNow(store.read, channel, notice)) return { kind: 'outdated' };
    return await channel.deliver(notice);
  } catch (error) {
    // A channel does not reject: this is a bug in it, and must not become the outbox's.
    return { kind: 'failed', retryable: true, detail: error instanceof Error ? error.name : 'unknown error' };
  }
}

const aboutGate = z.union([
  z.object({ gate_id: z.string() }),
  z.object({ data: z.object({ gate_id: z.string() }) }).transform(({ data }) => data),
]);

function isOutdatedNow(
  read: Pick<StoreReader, 'gate'>,
  { kind }: Channel,
  { eventId, event, payload }: Notice,
): boolean {
  const gate = aboutGate.safeParse(JSON.parse(payload));
  return gate.success && isOutdated({ eventId, event, kind }, read.gate(gate.data.gate_id), sha256);
}

/** What the store is to note. `nextAt` null with an error: given up. */
interface Outcome {
  readonly nextAt: number | null;
  readonly error: string | null;
}

function outcomeOf(
  redactor: Redactor,
  result: Result,
  { createdAt, attempts }: Notice,
  now: number,
  jitter: number,
): Outcome {
  switch (result.kind) {
    case 'delivered':
      return { nextAt: null, error: null };
    case 'outdated':
      return { nextAt: null, error: OUTDATED };
    case 'failed': {
      const nextAt = result.retryable ? nextAttemptAt({ createdAt, now, attempts, jitter }) : null;
      return { nextAt, error: redactor.text(result.detail).value };
    }
  }
}

function report(log: Log, notice: Notice, nextAt: number | null, error: string | null): void {
  const { channel, event, eventId, attempts } = notice;
  const facts = { channel, event, event_id: eventId, attempts: attempts + 1 };
  if (error === null) log.info('notice.delivered', facts);
  else if (error === OUTDATED) log.info('notice.outdated', facts);
  else if (nextAt === null) log.warn('notice.given_up', { ...facts, error });
  else log.warn('notice.failed', { ...facts, error, next_at: nextAt });
}

function jitterOf(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}
