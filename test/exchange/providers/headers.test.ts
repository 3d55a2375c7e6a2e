import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerHeaders, upstreamHeaders } from '../../../proxy-core/providers/headers.ts';
import { secretOf } from '../../../proxy-core/providers/secrets.ts';

const TOKEN = `rg_agt_${'a'.repeat(24)}`;
const pass = { credential: { kind: 'pass' }, bodyDecoded: false } as const;
const bearer = {
  credential: { kind: 'inject', auth: 'bearer', key: secretOf('sk-provider') },
  bodyDecoded: false,
} as const;
const xApiKey = {
  credential: { kind: 'inject', auth: 'x-api-key', key: secretOf('sk-provider') },
  bodyDecoded: false,
} as const;
const keyless = { credential: { kind: 'inject', auth: 'bearer', key: null }, bodyDecoded: false } as const;

/** The names in a flat list, lower case. */
const namesOf = (flat: readonly string[]): string[] =>
  flat.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());

describe('request headers on their way to the provider', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Host',
    'Content-Length',
    'Cookie',
    'X-Rungate-Run-Id',
    'x-rungate-token',
    'X-RUNGATE-Label-Goal',
  ])('%s stays here', (name) => {
    expect(namesOf(upstreamHeaders([name, 'x'], pass))).toEqual(['accept-encoding']);
  });

  it.each([
    ['anthropic-version', '2026-10-21'],
    ['anthropic-beta', 'claude-code-20250219,context-1m-2025-08-07'],
    ['anthropic-dangerous-direct-browser-access', 'true'],
    ['X-App', 'cli'],
    ['User-Agent', 'claude-cli/2.1.197 (external, sdk-cli)'],
    ['X-Claude-Code-Session-Id', '8ee43fae'],
    ['X-Stainless-Retry-Count', '0'],
    ['OpenAI-Beta', 'x'],
    ['OpenAI-Organization', 'org'],
    ['OpenAI-Project', 'proj'],
    ['originator', 'codex_exec'],
    ['version', '1'],
    ['session-id', 's'],
    ['thread-id', 't'],
    ['x-client-request-id', 'r'],
    ['x-codex-turn-metadata', '{}'],
    ['x-openai-internal-codex-responses-lite', 'true'],
    ['chatgpt-account-id', 'acc'],
    ['x-session-affinity', 'a'],
    ['x-parent-session-id', 'p'],
    ['x-goog-api-client', 'g'],
    ['X-Latin', '\u00e9'],
  ])('%s passes with its case and value', (name, value) => {
    expect(upstreamHeaders([name, value], pass)).toEqual([name, value, 'accept-encoding', 'identity']);
  });

  it('loses what Connection names, over several headers and any case', () => {
    const raw = ['Connection', 'close, X-Hop', 'connection', ' x-Other ', 'x-hop', '1', 'X-OTHER', '2', 'x-kept', '3'];
    expect(upstreamHeaders(raw, pass)).toEqual(['x-kept', '3', 'accept-encoding', 'identity']);
  });

  it('cannot lose the provider key through Connection', () => {
    expect(upstreamHeaders(['Connection', 'authorization, x-api-key'], bearer)).toContain('Bearer sk-provider');
  });

  it('asks for identity, in the place where the client asked for something else, once', () => {
    const raw = ['a', '1', 'Accept-Encoding', 'gzip, br', 'b', '2', 'accept-encoding', 'zstd'];
    expect(upstreamHeaders(raw, pass)).toEqual(['a', '1', 'Accept-Encoding', 'identity', 'b', '2']);
  });

  it('keeps order and repetition', () => {
    const raw = ['B', '1', 'a', '2', 'B', '3', 'accept-encoding', 'x'];
    expect(upstreamHeaders(raw, pass)).toEqual(['B', '1', 'a', '2', 'B', '3', 'accept-encoding', 'identity']);
  });

  it('drops content-encoding only when the body was decoded', () => {
    const raw = ['content-encoding', 'zstd'];
    expect(namesOf(upstreamHeaders(raw, pass))).toContain('content-encoding');
    expect(namesOf(upstreamHeaders(raw, { ...pass, bodyDecoded: true }))).not.toContain('content-encoding');
  });

  it('replaces every credential of the agent by the provider key', () => {
    const raw = ['Authorization', `Bearer ${TOKEN}`, 'X-Api-Key', 'sk-agents-own', 'authorization', 'Basic x'];
    expect(upstreamHeaders(raw, bearer)).toEqual([
      'accept-encoding',
      'identity',
      'authorization',
      'Bearer sk-provider',
    ]);
    expect(upstreamHeaders(raw, xApiKey)).toEqual(['accept-encoding', 'identity', 'x-api-key', 'sk-provider']);
  });

  it('sends no credential at all to a provider without a key', () => {
    expect(upstreamHeaders(['Authorization', `Bearer ${TOKEN}`, 'x-api-key', 'k'], keyless)).toEqual([
      'accept-encoding',
      'identity',
    ]);
  });

  it("leaves the caller's own provider credential untouched when told to pass", () => {
    const raw = ['Authorization', 'Bearer sk-ant-oat-1', 'x-api-key', 'sk-2', 'x-rungate-token', TOKEN];
    expect(upstreamHeaders(raw, pass)).toEqual([
      'Authorization',
      'Bearer sk-ant-oat-1',
      'x-api-key',
      'sk-2',
      'accept-encoding',
      'identity',
    ]);
  });

  it('never forwards an agent token, whatever header it was put in', () => {
    const raw = ['x-api-key', TOKEN, 'Authorization', `Bearer ${TOKEN}`, 'x-custom', `t=${TOKEN}`, 'x-kept', 'rg_agt_'];
    for (const rules of [pass, bearer, xApiKey, keyless]) {
      expect(upstreamHeaders(raw, rules).join('\n')).not.toContain(TOKEN);
    }
    expect(upstreamHeaders(raw, pass)).toContain('x-kept');
  });

  it('changes nothing else in what real clients were recorded to send', () => {
    const folder = new URL('../../fixtures/clients/', import.meta.url);
    const stays = /^(connection|upgrade|host|content-length|accept-encoding|authorization|x-api-key|x-rungate-.*)$/i;
    let requests = 0;
    for (const file of readdirSync(folder)) {
      if (!file.endsWith('.json')) continue;
      const recorded = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
        requests: { headers: Record<string, string>; header_order?: string[] }[];
      };
      for (const { headers, header_order: order = Object.keys(headers) } of recorded.requests) {
        const raw = order.flatMap((name) => [name, headers[name.toLowerCase()] ?? '']);
        const kept = order
          .filter((name) => !stays.test(name))
          .flatMap((name) => [name, headers[name.toLowerCase()] ?? '']);
        const sent = upstreamHeaders(raw, bearer);
        const others: string[] = [];
        for (let i = 0; i < sent.length; i += 2) {
          if (!stays.test(sent[i] ?? '')) others.push(sent[i] ?? '', sent[i + 1] ?? '');
        }
        expect(others).toEqual(kept);
        requests += 1;
      }
    }
    expect(requests).toBeGreaterThan(20);
  });
});

describe('answer headers on their way back to the agent', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Set-Cookie',
    'X-Rungate-Cost-Usd',
    'Access-Control-Allow-Origin',
  ])('%s stays here', (name) => {
    expect(answerHeaders([name, 'x'], { bodyChanged: false })).toEqual([]);
  });

  it.each([
    'Content-Type',
    'request-id',
    'X-Request-Id',
    'Retry-After',
    'x-should-retry',
    'anthropic-ratelimit-requests-remaining',
    'x-ratelimit-reset-tokens',
    'openai-processing-ms',
    'Content-Length',
    'Content-Encoding',
    'Date',
  ])('%s comes back with its case', (name) => {
    expect(answerHeaders([name, 'v'], { bodyChanged: false })).toEqual([name, 'v']);
  });

  it('loses length and encoding when the body is not the one they describe', () => {
    const raw = ['content-length', '5', 'Content-Encoding', 'gzip', 'etag', 'x'];
    expect(answerHeaders(raw, { bodyChanged: true })).toEqual(['etag', 'x']);
  });

  it('loses what Connection names', () => {
    expect(answerHeaders(['connection', 'x-hop', 'X-Hop', '1', 'x', '2'], { bodyChanged: false })).toEqual(['x', '2']);
  });
});
