import { describe, expect, it, onTestFinished } from 'vitest';
import type { Channel } from '../../../proxy-core/channels/channel.ts';
import { openChannels } from '../../../proxy-core/channels/channel-kinds.ts';
import { configuration } from '../../../proxy-core/config/schema.ts';
import { SECRET, startReceiver, verify } from './harness.ts';

const PLANNER = { plan: () => undefined, test: () => undefined };
const PORTS = { clock: { now: () => Date.now() } };

function configured(url: string): NonNullable<Parameters<typeof openChannels>[0]> {
  const hooks = [
    { name: 'oncall', url, secret: 'env:ONCALL_SECRET', events: ['approval.*'] },
    { name: 'all', url, secret: 'file:all.secret' },
  ];
  return configuration.parse({ channels: { webhook: hooks } }).channels;
}

function closing(channels: readonly Channel[]): readonly Channel[] {
  onTestFinished(async () => {
    await Promise.all(channels.map((channel) => channel.close()));
  });
  return channels;
}

describe('the channels of a configuration', () => {
  it('are the desktop and its webhooks, each with what it asks for and its resolved secret', async () => {
    const receiver = await startReceiver();
    const asked: string[] = [];
    const resolve = async (reference: string): Promise<string> => {
      asked.push(reference);
      return SECRET;
    };
    const channels = closing(await openChannels(configured(receiver.url), PLANNER, resolve, PORTS));
    expect(channels.map(({ name, events }) => [name, events])).toEqual([
      ['desktop://', []],
      ['webhook://oncall', ['approval.*']],
      ['webhook://all', ['*']],
    ]);
    expect(asked).toEqual(['env:ONCALL_SECRET', 'file:all.secret']);
    await channels[1]?.test();
    expect(verify(await receiver.post(1))).toMatchObject({ data: { channel: 'webhook://oncall' } });
  });

  it('are the desktop alone when it names none', async () => {
    const channels = await openChannels(null, PLANNER, async () => '', PORTS);
    expect(channels.map(({ name }) => name)).toEqual(['desktop://']);
  });

  it('are refused, by name, when a secret cannot sign', async () => {
    const opening = openChannels(configured('http://127.0.0.1:1/'), PLANNER, async () => 'whsec_canary!', PORTS);
    await expect(opening).rejects.toThrow(/^Webhook oncall: its secret must be/);
    await expect(opening).rejects.not.toThrow(/canary/);
  });

  it('are refused with the host’s own words when a secret is missing', async () => {
    const resolve = async (reference: string): Promise<string> => {
      throw new Error(`${reference} is not set`);
    };
    await expect(openChannels(configured('http://127.0.0.1:1/'), PLANNER, resolve, PORTS)).rejects.toThrow(
      'env:ONCALL_SECRET is not set',
    );
  });
});
