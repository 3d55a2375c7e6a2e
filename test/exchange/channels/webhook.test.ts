import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Channel, OutgoingNotice } from '../../../proxy-core/channels/channel.ts';
import {
  type Answer,
  answering,
  HANGING,
  type HookOptions,
  hook,
  refusedUrl,
  SECRET,
  startReceiver,
  verify,
} from './harness.ts';

const NOTICE: OutgoingNotice = {
  eventId: 'evt_0123456789abcdef0123456789abcdef',
  event: 'run.started',
  payload: JSON.stringify({ type: 'run.started', timestamp: '2026-04-26T14:48:12.000Z', data: { run_id: 'grüße' } }),
};

function open(url: string, options: HookOptions = {}): Channel {
  const channel = hook(url, options);
  onTestFinished(() => channel.close());
  return channel;
}

const resolvingTo =
  (address: string): LookupFunction =>
  (_host, options, callback) => {
    const found: LookupAddress = { address, family: 4 };
    if (options.all === true) callback(null, [found]);
    else callback(null, found.address, found.family);
  };

describe('a delivery', () => {
  it('posts the payload byte for byte, signed so that the Standard Webhooks verifier accepts it', async () => {
    const receiver = await startReceiver();
    expect(await open(`${receiver.url}/a?b=c%2Fd`).deliver(NOTICE)).toEqual({ kind: 'delivered' });
    const post = await receiver.post(1);
    expect(post).toMatchObject({ method: 'POST', url: '/hook/a?b=c%2Fd', body: NOTICE.payload });
    expect(post.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': NOTICE.eventId });
    expect(verify(post)).toMatchObject({ type: 'run.started', data: { run_id: 'grüße' } });
  });

  it('is not accepted by a verifier with another secret, nor after a byte was changed', async () => {
    const receiver = await startReceiver();
    await open(receiver.url).deliver(NOTICE);
    const post = await receiver.post(1);
    expect(() => verify(post, 'whsec_c29tZSBvdGhlciBzZWNyZXQ=')).toThrow(/signature/);
    expect(() => verify({ ...post, body: post.body.replace('gr', 'Gr') })).toThrow(/signature/);
  });

  it('takes a secret without whsec_ as text, whose UTF-8 bytes are the key', async () => {
    const receiver = await startReceiver();
    await open(receiver.url, { secret: 'schlüssel €' }).deliver(NOTICE);
    expect(verify(await receiver.post(1), new TextEncoder().encode('schlüssel €'))).toMatchObject({
      type: 'run.started',
    });
  });

  it('is stamped with the time of the attempt, not of the event', async () => {
    const receiver = await startReceiver();
    let now = 1_800_000_000_999;
    const channel = open(receiver.url, { clock: { now: () => now } });
    await channel.deliver(NOTICE);
    now += 60_000;
    await channel.deliver(NOTICE);
    expect(receiver.posts.map(({ headers }) => headers['webhook-timestamp'])).toEqual(['1800000000', '1800000060']);
    expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-signature'])).size).toBe(2);
  });

  it('sends a test event of its own', async () => {
    const receiver = await startReceiver();
    const channel = open(receiver.url);
    expect(await channel.test()).toEqual({ kind: 'delivered' });
    await channel.test();
    expect(verify(await receiver.post(1))).toMatchObject({
      type: 'channel.test',
      data: { channel: 'webhook://oncall' },
    });
    expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  });
});

describe('what an answer means', () => {
  it.each([200, 201, 202, 204, 299])('%d: delivered', async (status) => {
    const receiver = await startReceiver(answering(status));
    expect(await open(receiver.url).deliver(NOTICE)).toEqual({ kind: 'delivered' });
  });

  it('410: gone for good', async () => {
    const receiver = await startReceiver(answering(410));
    expect(await open(receiver.url).deliver(NOTICE)).toMatchObject({ kind: 'failed', retryable: false });
  });

  it.each([400, 401, 404, 408, 429, 500, 503])('%d: to be tried again', async (status) => {
    const receiver = await startReceiver(answering(status));
    expect(await open(receiver.url).deliver(NOTICE)).toEqual({
      kind: 'failed',
      retryable: true,
      detail: `the receiver answered ${status}`,
    });
  });

  it.each([301, 302, 303, 307, 308])('%d: not followed', async (status) => {
    const elsewhere = await startReceiver();
    const receiver = await startReceiver(answering(status, { location: elsewhere.url }));
    expect(await open(receiver.url).deliver(NOTICE)).toMatchObject({
      kind: 'failed',
      retryable: true,
      detail: expect.stringContaining('redirects are not followed') as string,
    });
    expect(elsewhere.posts).toEqual([]);
  });

  it('a body without end: still delivered, and not read to the end', async () => {
    const closed = Promise.withResolvers<void>();
    const endless: Answer = (_post, response) => {
      response.on('close', closed.resolve).writeHead(200);
      const fill = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(16_384), () => setImmediate(fill));
      };
      fill();
    };
    const receiver = await startReceiver(endless);
    expect(await open(receiver.url).deliver(NOTICE)).toEqual({ kind: 'delivered' });
    await closed.promise;
  });
});

describe('a receiver that cannot be reached', () => {
  it('is tried again when it refuses the connection', async () => {
    expect(await open(await refusedUrl()).deliver(NOTICE)).toMatchObject({
      kind: 'failed',
      retryable: true,
      detail: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('is tried again when it does not answer in time', async () => {
    const receiver = await startReceiver(HANGING);
    expect(await open(receiver.url, { timeoutMs: 50 }).deliver(NOTICE)).toEqual({
      kind: 'failed',
      retryable: true,
      detail: 'no answer within 0.05 s',
    });
  });

  it('is tried again when it hangs up', async () => {
    const receiver = await startReceiver((_post, response) => void response.destroy());
    expect(await open(receiver.url).deliver(NOTICE)).toMatchObject({ kind: 'failed', retryable: true });
  });

  it('ends what is under way when it is closed', async () => {
    const receiver = await startReceiver(HANGING);
    const channel = hook(receiver.url);
    const delivery = channel.deliver(NOTICE);
    await receiver.post(1);
    await channel.close();
    expect(await delivery).toMatchObject({ kind: 'failed', retryable: true });
  });
});

describe('C3: the address guard', () => {
  it.each(['169.254.169.254', '100.64.0.1', '0.0.0.0', '[64:ff9b::a9fe:a9fe]'])('refuses %s', async (host) => {
    const result = await open(`http://${host}/hook`).deliver(NOTICE);
    expect(result).toMatchObject({
      kind: 'failed',
      detail: expect.stringContaining('RUNGATE_ADDRESS_REFUSED') as string,
    });
  });

  it.each(['127.0.0.1', '169.254.169.254', '10.0.0.1.nip.test'])(
    'judges what a name resolves to: %s',
    async (found) => {
      const receiver = await startReceiver();
      const lookup = resolvingTo(found);
      const url = receiver.url.replace('127.0.0.1', 'hooks.example.test');
      const result = await open(url, { lookup }).deliver(NOTICE);
      expect(result).toMatchObject({
        kind: 'failed',
        detail: expect.stringContaining('RUNGATE_ADDRESS_REFUSED') as string,
      });
      expect(receiver.posts).toEqual([]);
    },
  );

  it('judges at every connect, so that a name that changes its address later is refused', async () => {
    const receiver = await startReceiver();
    let address = '127.0.0.1';
    const lookup: LookupFunction = (host, options, callback) => resolvingTo(address)(host, options, callback);
    // `localhost` is the opt-in for loopback, and for nothing else.
    const channel = open(receiver.url.replace('127.0.0.1', 'localhost'), { lookup });
    expect(await channel.deliver(NOTICE)).toEqual({ kind: 'delivered' });
    address = '169.254.169.254';
    expect(await channel.deliver(NOTICE)).toMatchObject({ kind: 'failed' });
    expect(receiver.posts).toHaveLength(1);
  });
});

describe('C7: what a webhook says of itself', () => {
  it('never holds its secret, nor the path or query of its address', async () => {
    const receiver = await startReceiver(answering(500));
    const refused = await refusedUrl();
    const said = await Promise.all(
      [receiver.url, refused, 'http://169.254.169.254/hook'].map(async (url) => {
        const channel = open(`${url}/canary-path?token=canary-query`, { secret: 'canary-secret' });
        return [await channel.deliver(NOTICE), await channel.test(), channel];
      }),
    );
    expect(JSON.stringify(said)).toContain('ECONNREFUSED');
    expect(JSON.stringify(said)).not.toContain('canary');
  });

  it.each(['', 'whsec_', 'whsec_not*base64', 'whsec_canary!'])(
    'refuses the secret %j without repeating it',
    (secret) => {
      const attempt = (): unknown => hook('http://127.0.0.1:1/', { secret });
      expect(attempt).toThrow(/^Webhook oncall: its secret must be whsec_ and base64/);
      expect(attempt).not.toThrow(/canary/);
    },
  );

  it('signs with the secret it was given', async () => {
    const receiver = await startReceiver();
    await open(receiver.url).deliver(NOTICE);
    const post = await receiver.post(1);
    expect(JSON.stringify(post)).not.toContain(SECRET.slice(6));
  });
});
