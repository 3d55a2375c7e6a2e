import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../proxy-core/config/parse.ts';
import { configuredProviders } from '../../../proxy-core/providers/configured-providers.ts';
import { openUpstream, portOf, post, providerAt, readBody, send, startProvider } from './harness.ts';

const NEVER = 60_000;

describe('a provider’s own timeouts', () => {
  it('come from its configuration, in milliseconds', () => {
    const text = `providers:
  - { id: slow, base_url: "http://127.0.0.1:1", formats: [chat], timeouts: { connect_seconds: 0.5, headers_seconds: 900 } }
  - { id: usual, base_url: "http://127.0.0.1:1", formats: [chat] }
`;
    const parsed = parseConfiguration(text, 'rungate.yaml');
    if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
    const [slow, usual] = configuredProviders(parsed.value, '/');
    expect(slow?.timeouts).toEqual({ connectMs: 500, headersMs: 900_000, idleMs: 1_800_000 });
    expect(usual?.timeouts).toEqual({ connectMs: 10_000, headersMs: 1_800_000, idleMs: 1_800_000 });
  });

  it('end its call while another provider at the same address is waited for', async () => {
    const patient = Promise.withResolvers<void>();
    const server = await startProvider(async (request, response) => {
      const asked = (await readBody(request)).toString();
      if (asked === '"hang"') return;
      await patient.promise;
      response.end('at last');
    });
    const base = `http://127.0.0.1:${portOf(server)}`;
    const upstream = openUpstream();
    const waits = (headersMs: number) => ({
      ...providerAt(base),
      timeouts: { connectMs: NEVER, headersMs, idleMs: NEVER },
    });
    const waiting = send(upstream, post(base, { provider: waits(NEVER), body: Buffer.from('"wait"') }));
    const hanging = send(upstream, post(base, { provider: waits(40), body: Buffer.from('"hang"') }));
    expect((await hanging.outcome).error).toMatchObject({ kind: 'timeout', phase: 'headers' });
    patient.resolve();
    expect(await waiting.outcome).toMatchObject({ status: 200, body: 'at last', error: null });
  });

  it('replace the upstream’s between two pieces of the answer', async () => {
    const server = await startProvider((_, response) => void response.writeHead(200).write('first'));
    const base = `http://127.0.0.1:${portOf(server)}`;
    const provider = { ...providerAt(base), timeouts: { connectMs: NEVER, headersMs: NEVER, idleMs: 40 } };
    const { outcome } = send(openUpstream({ chunkTimeoutMs: NEVER }), post(base, { provider }));
    expect(await outcome).toMatchObject({ body: 'first', error: { kind: 'timeout', phase: 'body' } });
  });
});
