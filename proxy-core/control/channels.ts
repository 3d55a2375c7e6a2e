import type { Channel } from '../channels/channel.ts';
import { failure } from '../contract/failures.ts';
import type { ChannelRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { type Handlers, Refusal } from './call.ts';

type ChannelHandlers = Pick<Handlers, 'channels.list' | 'channels.test'>;

/** How far back the outbox is looked at for how a channel does. */
const LATEST_NOTICES = 1000;

/** The ways people are told. `open` gives the channels of this core, which are opened after its handlers are made. */
export function channelHandlers(core: Core, open: () => readonly Channel[]): ChannelHandlers {
  return {
    'channels.list': () => ({ channels: open().map(({ name }) => describe(core, name)) }),
    'channels.test': async ({ name }) => {
      const channel = findChannel(open(), name);
      const result = await channel.test();
      if (result.kind === 'delivered') return { delivered: true, detail: `${channel.name} took the test notice.` };
      return { delivered: false, detail: `${channel.name}: ${result.detail}` };
    },
  };
}

/** A channel and its part of the outbox; the error is that of the latest notice that was tried, if it still stands. */
function describe(core: Core, channel: string): ChannelRecord {
  const notices = core.store.read.notices({ channel, limit: LATEST_NOTICES });
  const delivered = notices.flatMap(({ deliveredAt }) => (deliveredAt === null ? [] : [deliveredAt]));
  return {
    channel,
    waiting: notices.filter(({ nextAt }) => nextAt !== null).length,
    last_delivered_at: delivered.length === 0 ? null : Math.max(...delivered),
    last_error: notices.find(({ attempts }) => attempts > 0)?.error ?? null,
  };
}

/** A channel by its whole name (`webhook://oncall`), or by either half of it where that is clear. */
function findChannel(channels: readonly Channel[], name: string): Channel {
  const exact = channels.find((channel) => channel.name === name);
  if (exact !== undefined) return exact;
  const [only, ...others] = channels.filter((channel) => channel.name.split('://').includes(name) && name !== '');
  if (only !== undefined && others.length === 0) return only;
  const known = channels.map((channel) => channel.name).join(', ');
  const what = only === undefined ? `There is no channel ${name.slice(0, 80)}` : `Several channels are called ${name}`;
  throw new Refusal(
    failure(only === undefined ? 'not_found' : 'invalid_request', `${what}.`, {
      channels: channels.map((channel) => channel.name),
      recover: known === '' ? 'Add one under channels in the configuration.' : `Name one of: ${known}`,
    }),
  );
}
