import type { Outbox } from '../channels/outbox.ts';
import { failure } from '../contract/failures.ts';
import { type Handlers, Refusal } from './call.ts';

type ChannelHandlers = Pick<Handlers, 'channels.list' | 'channels.test'>;

/** The ways people are told. The outbox is opened after its handlers are made; until then there is no channel. */
export function channelHandlers(outbox: () => Outbox | null): ChannelHandlers {
  return {
    'channels.list': () => ({ channels: [...(outbox()?.list() ?? [])] }),
    'channels.test': async ({ name }) => {
      const result = (await outbox()?.test(name)) ?? null;
      const named = outbox()
        ?.list()
        .find(({ channel }) => channel === name || channel.split('://').includes(name));
      if (result !== null) {
        const detail = `${named?.channel ?? name} ${result.delivered ? 'took the test notice.' : `failed: ${result.detail}`}`;
        return { delivered: result.delivered, detail };
      }
      const known = (outbox()?.list() ?? []).map(({ channel }) => channel);
      throw new Refusal(
        failure('not_found', `There is no channel ${name.slice(0, 80)}.`, {
          channels: known,
          recover:
            known.length === 0 ? 'Add one under channels in the configuration.' : `Name one of: ${known.join(', ')}`,
        }),
      );
    },
  };
}
