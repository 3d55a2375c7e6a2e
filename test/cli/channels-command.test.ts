import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfiguration } from '../../proxy-core/config/parse.ts';
import { startOperatorCore } from './operator-core.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A webhook's receiver that answers with this status. */
async function startReceiver(status: number) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        received.push({ headers: request.headers, body });
        response.writeHead(status).end();
      },
      () => response.destroy(),
    );
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

function configurationWith(url: string) {
  const source = `channels: { webhook: [{ name: oncall, url: "${url}", secret: "env:HOOK" }] }`;
  const parsed = parseConfiguration(source, 'rungate.yaml');
  if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
  return parsed.value;
}

const startWithWebhook = (url: string) =>
  startOperatorCore({ configuration: configurationWith(url), resolveSecret: async () => SECRET });

describe('rungate channels', () => {
  it('lists the channels with how they do', async () => {
    const { json, rungate } = await startWithWebhook('http://127.0.0.1:9/hook');
    expect(await json('channels', 'list')).toEqual({
      channels: ['desktop://', 'webhook://oncall'].map((channel) => ({
        channel,
        waiting: 0,
        last_delivered_at: null,
        last_error: null,
      })),
    });
    const { out } = await rungate('channels', 'list');
    expect(out).toMatch(/^CHANNEL .*\ndesktop:\/\/ +0 +- +-\nwebhook:\/\/oncall +0 +- +-\n$/);
  });

  it.each(['oncall', 'webhook://oncall'])('test %s delivers a signed notice and says so', async (name) => {
    const { received, url } = await startReceiver(204);
    const { rungate } = await startWithWebhook(url);
    expect(await rungate('channels', 'test', name)).toMatchObject({
      code: 0,
      out: 'Delivered: webhook://oncall took the test notice.\n',
    });
    const [notice] = received;
    const body = new Webhook(SECRET).verify(notice?.body ?? '', notice?.headers as Record<string, string>);
    expect(body).toMatchObject({ type: 'channel.test', data: { channel: 'webhook://oncall' } });
  });

  it('test exits 1 and says why when the receiver refuses', async () => {
    const { url } = await startReceiver(403);
    const { rungate } = await startWithWebhook(url);
    const ended = await rungate('channels', 'test', 'oncall', '--json');
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out)).toMatchObject({ delivered: false, detail: expect.stringContaining('403') });
  });

  it('test does not know a channel that is not there, and names those that are', async () => {
    const { error } = await startWithWebhook('http://127.0.0.1:9/hook');
    expect(await error('channels', 'test', 'nobody')).toMatchObject({
      code: 'not_found',
      hint: 'Name one of: desktop://, webhook://oncall',
    });
  });
});
