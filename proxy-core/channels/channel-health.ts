import type { ChannelRecord } from '../contract/records.ts';
import type { Clock } from '../ports.ts';
import type { StoreReader } from '../store/store.ts';

/** How a channel's deliveries go, for the operator. */
export type Health = Pick<ChannelRecord, 'last_delivered_at' | 'last_error'>;

export interface ChannelHealth {
  of(channel: string): Health;
  /** An attempt or a test ended now; `error` null: it was delivered. */
  note(channel: string, error: string | null): void;
}

/** What is noted in the store for a notice that was not sent because it no longer was so. Not the channel's fault. */
export const OUTDATED = 'no longer so when it could be sent';

/** How many notices of a channel are read to tell how its deliveries went before a restart. */
const RECENT = 32;

/** Starts from what the store knows of each channel's latest notices. */
export function createChannelHealth(read: Pick<StoreReader, 'notices'>, clock: Clock): ChannelHealth {
  const known = new Map<string, Health>();
  const of = (channel: string): Health => known.get(channel) ?? recentHealth(read, channel);
  return {
    of,
    note(channel, error) {
      const deliveredAt = error === null ? clock.now() : of(channel).last_delivered_at;
      known.set(channel, { last_delivered_at: deliveredAt, last_error: error });
    },
  };
}

function recentHealth(read: Pick<StoreReader, 'notices'>, channel: string): Health {
  const latest = read.notices({ channel, limit: RECENT });
  const tried = latest.find(({ attempts, error }) => attempts > 0 && error !== OUTDATED);
  const delivered = latest.flatMap(({ deliveredAt }) => (deliveredAt === null ? [] : [deliveredAt]));
  return {
    last_delivered_at: delivered.length === 0 ? null : Math.max(...delivered),
    last_error: tried?.error ?? null,
  };
}
