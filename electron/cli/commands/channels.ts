import type { ChannelRecord } from '../../../proxy-core/contract/records.ts';
import { type Command, command, printed } from '../command.ts';
import { renderRecord, renderTable, renderTime } from '../output.ts';

const list = command({
  name: 'channels list',
  operands: [],
  about: 'List the channels that people are told by, and how their deliveries go.',
  options: {},
  async run({ call }) {
    return printed(await call('channels.list', {}), ({ channels }) => ({
      json: renderRecord({ channels }),
      text: channels.length === 0 ? 'No channels.' : renderChannels(channels),
    }));
  },
});

const test = command({
  name: 'channels test',
  operands: ['NAME'],
  about: 'Send a test notice over a channel (webhook://oncall, or just oncall) and say how it went.',
  options: {},
  async run({ operands: [name = ''], call }) {
    const outcome = printed(await call('channels.test', { name }), (result) => ({
      json: result,
      text: `${result.delivered ? 'Delivered' : 'Not delivered'}: ${result.detail}`,
    }));
    const delivered = outcome.kind === 'printed' && (outcome.json as { delivered: boolean }).delivered;
    return outcome.kind === 'printed' && !delivered ? { ...outcome, exitCode: 1 } : outcome;
  },
});

/** The ways people are told. */
export const channelCommands: readonly Command[] = [list, test];

const renderChannels = (channels: readonly ChannelRecord[]): string =>
  renderTable(
    ['CHANNEL', 'WAITING', 'LAST DELIVERED', 'LAST ERROR'],
    channels.map((channel) => [
      channel.channel,
      String(channel.waiting),
      renderTime(channel.last_delivered_at),
      channel.last_error ?? '-',
    ]),
    [1],
  );
