import { describe, expect, it } from 'vitest';
import { readSession } from '../../../proxy-core/runs/client-session.ts';
import { type ClientKind, type Headers, recogniseClient } from '../../../proxy-core/runs/client-table.ts';
import { userTextEnds } from '../../../proxy-core/runs/opening.ts';

import type { RequestFacts } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { CAPTURES, captured } from '../../exchange/client-fixtures.ts';

const messagesFacts = (body: unknown): RequestFacts => FORMATS.messages.parseRequest(body);
const responsesFacts = (body: unknown): RequestFacts => FORMATS.responses.parseRequest(body);
const TOOL = { name: 'Bash', input_schema: {} };

const factsOf = (path: string, body: unknown): RequestFacts => {
  if (path.includes('/messages')) return FORMATS.messages.parseRequest(body);
  return path.endsWith('/responses') ? FORMATS.responses.parseRequest(body) : FORMATS.chat.parseRequest(body);
};

describe('a session id that is too long for any client', () => {
  it.each([
    [{ originator: 'codex_exec', 'session-id': 's'.repeat(257) }, {}],
    [{ originator: 'codex_exec', 'session-id': '' }, {}],
    [{ originator: 'codex_exec' }, { prompt_cache_key: 'k'.repeat(1_000_000) }],
  ] as const)('or empty names none', (headers, body) => {
    expect(readSession('codex', headers, responsesFacts(body)).session).toBeNull();
  });
});

describe('recognising a client', () => {
  it.each<[Headers, ClientKind | null]>([
    [{ 'x-claude-code-session-id': 's' }, 'claude-code'],
    [{ 'user-agent': 'claude-cli/2.1.197 (external, cli)' }, 'claude-code'],
    [{ originator: 'codex_exec', 'user-agent': 'x' }, 'codex'],
    [{ 'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64)' }, 'codex'],
    [{ 'user-agent': 'codex-tui/0.169.0' }, 'codex'],
    [{ 'x-session-affinity': 'ses_1' }, 'opencode'],
    [{ 'user-agent': 'opencode/1.18.33 ai-sdk/openai/3.0.141' }, 'opencode'],
    [{ 'user-agent': 'ai-sdk/openai/3.0.141 runtime/node' }, 'ai-sdk'],
    [{ 'user-agent': 'ai-sdk-openai/4.0.118 ai-sdk-provider-utils/5.0.81 node.js/24' }, 'ai-sdk'],
    [{ 'user-agent': 'ai/7.0.173 ai-sdk-provider-utils/5.0.81 node.js/24' }, 'ai-sdk'],
    [{ 'user-agent': 'ai-sdk/openai-compatible/3.0.37 ai-sdk/provider-utils/5.0.30 runtime/bun' }, 'cline'],
    [{ 'user-agent': 'OpenAI/JS 5.20.1', 'x-initiator': 'agent' }, 'copilot-cli'],
    [{ 'user-agent': 'OpenAI/JS 6.26.0', session_id: 's' }, 'pi'],
    [{ 'user-agent': 'QwenCode/0.24.4 (linux; x64)' }, 'qwen-code'],
    [{ 'user-agent': 'GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64; terminal)' }, 'gemini-cli'],
    [{ 'user-agent': 'ls/JS 5.23.2' }, 'continue'],
    [{ 'user-agent': 'langchainjs-openai/1.0.0 ((node/v24.21.0; linux; x64))' }, 'langchain'],
    [{ 'user-agent': 'Agents/JavaScript 0.20.0' }, 'agents-sdk'],
    [{ 'user-agent': 'OpenAI/JS 7.57.0' }, 'openai-sdk'],
    [{ 'user-agent': 'AsyncOpenAI/Python 3.22.1' }, 'openai-sdk'],
    [{ 'user-agent': 'Anthropic/JS 1.12.0' }, 'anthropic-sdk'],
    [{ 'user-agent': 'AsyncAnthropic/Python 1.13.0' }, 'anthropic-sdk'],
    [{ 'user-agent': 'curl/8.0' }, null],
    [{}, null],
  ])('%o is %s', (headers, expected) => {
    expect(recogniseClient(headers)).toBe(expected);
  });

  it('knows OpenClaw by the tool it declares, although its headers are an SDK’s', () => {
    const headers = { 'user-agent': 'OpenAI/JS 7.15.0' };
    expect(recogniseClient(headers, [{ name: 'exec' }, { name: 'openclaw' }])).toBe('openclaw');
    expect(recogniseClient(headers, [{ name: 'exec' }])).toBe('openai-sdk');
  });

  it.each(CAPTURES)('knows every model call of the capture %s', (name) => {
    const family = name.split('.')[0];
    const expected = family === 'sdk' ? `${name.split(/[.-]/)[1]}-sdk` : family;
    const calls = captured(name).filter((request) => request.method === 'POST');
    const seen = calls.map(({ headers, path, body }) => {
      const facts = factsOf(path, body);
      return recogniseClient(headers, facts.tools, facts.sessionHints.systemHead);
    });
    expect(new Set(seen)).toEqual(new Set([expected]));
  });
});

describe('the session of Claude Code', () => {
  it('is its header, else the session in metadata.user_id in both of its forms', () => {
    const userId = (value: string) => messagesFacts({ metadata: { user_id: value } });
    const session = (headers: Headers, facts: RequestFacts | null) =>
      readSession('claude-code', headers, facts).session;
    expect(session({ 'x-claude-code-session-id': 'h' }, userId('{"session_id":"b"}'))).toBe('claude-code:h');
    expect(session({}, userId('{"device_id":"d","session_id":"b"}'))).toBe('claude-code:b');
    expect(session({}, userId('user_abc_account__session_7c6f2a10-1111-2222-3333-444444444444'))).toBe(
      'claude-code:7c6f2a10-1111-2222-3333-444444444444',
    );
    expect(session({}, userId('someone'))).toBeNull();
    expect(session({}, null)).toBeNull();
  });

  it('names the subagent by its header, or at least marks that it is one', () => {
    const marked = messagesFacts({
      system: [{ type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cc_is_subagent=true;' }],
      tools: [TOOL],
    });
    const headers = { 'x-claude-code-session-id': 's' };
    expect(readSession('claude-code', { ...headers, 'x-claude-code-agent-id': 'a1' }, null).subagent).toBe('a1');
    expect(readSession('claude-code', headers, marked).subagent).toBe('subagent');
    expect(readSession('claude-code', headers, null).subagent).toBeNull();
  });

  it('labels a request as a title only without tools and with a schema to follow', () => {
    const side = (body: unknown) => readSession('claude-code', {}, messagesFacts(body)).side;
    const schema = { output_config: { format: { type: 'json_schema', schema: {} } } };
    expect(side({ tools: [], ...schema })).toBe('title');
    expect(side({ tools: [TOOL], ...schema })).toBeNull();
    expect(side({ tools: [] })).toBeNull();
  });
});

describe('the session of Codex', () => {
  const turn = (metadata: object) => ({ 'x-codex-turn-metadata': JSON.stringify(metadata) });

  it('is its header, else the prompt cache key', () => {
    const facts = responsesFacts({ prompt_cache_key: 'k' });
    expect(readSession('codex', { 'session-id': 's' }, facts).session).toBe('codex:s');
    expect(readSession('codex', {}, facts).session).toBe('codex:k');
  });

  it('is its parent’s for a subagent, which is named by its thread', () => {
    const headers = { 'session-id': 's', 'thread-id': 't', 'x-codex-parent-thread-id': 's' };
    expect(readSession('codex', headers, null)).toMatchObject({ session: 'codex:s', subagent: 't' });
    expect(readSession('codex', { 'session-id': 's', 'thread-id': 's' }, null).subagent).toBeNull();
  });

  it('is none for a title thread, which only its installation ties to a run', () => {
    const headers = { 'session-id': 'other', ...turn({ thread_source: 'thread_title', installation_id: 'i' }) };
    expect(readSession('codex', headers, null)).toEqual({
      session: null,
      aliases: [],
      subagent: null,
      unnamedSubagent: false,
      side: 'title',
      installation: 'i',
    });
    expect(
      readSession('codex', { 'session-id': 's', ...turn({ thread_source: 'user', installation_id: 'i' }) }, null),
    ).toMatchObject({
      session: 'codex:s',
      side: null,
      installation: 'i',
    });
  });

  it.each(['not json', '[]', 'null', '{"installation_id":5}', `{"installation_id":"${'x'.repeat(201)}"}`])(
    'is read past turn metadata that is %s',
    (metadata) => {
      const headers = { 'session-id': 's', 'x-codex-turn-metadata': metadata };
      expect(readSession('codex', headers, null)).toMatchObject({ session: 'codex:s', installation: null });
    },
  );
});

describe('the session of OpenClaw', () => {
  it('is the one in the line about its runtime that it adds to what the user says, in whichever message that stands', () => {
    const runtime =
      'Runtime: agent=main | session=agent:main:main | sessionId=b88b8d31-d950-4a40-92fc-ad5d95d9d6c5 | host=vm';
    const body = (...texts: readonly string[]) => ({ messages: texts.map((content) => ({ role: 'user', content })) });
    const session = (value: unknown) => readSession('openclaw', {}, null, () => userTextEnds(value)).session;
    const own = 'openclaw:b88b8d31-d950-4a40-92fc-ad5d95d9d6c5';
    expect(session(body(`do it\n\n${runtime}`, 'internal context'))).toBe(own);
    expect(session(body(`${'x'.repeat(1_000_000)}\n\n${runtime}`))).toBe(own);
    expect(session(body(runtime, ...Array.from({ length: 20 }, () => 'more')))).toBe(own);
    expect(session(body('sessionId=b88b8d31'))).toBeNull();
    const parts = Array.from({ length: 10_000 }, (_, nth) => ({ type: 'text', text: `Runtime: x${nth}` }));
    expect(userTextEnds({ messages: [{ role: 'user', content: parts }] })).toHaveLength(32);
    expect(userTextEnds({ messages: [{ role: 'user', content: parts }] })[0]).toBe('Runtime: x9999');
    expect(session({ messages: 'Runtime: x | sessionId=12345678 ' })).toBeNull();
  });
});

describe('the session of opencode', () => {
  it('is its own, or its parent’s with its own beside it', () => {
    expect(readSession('opencode', { 'x-session-id': 'ses_1' }, null)).toMatchObject({
      session: 'opencode:ses_1',
      aliases: [],
      subagent: null,
    });
    expect(readSession('opencode', { 'x-session-id': 'ses_2', 'x-parent-session-id': 'ses_1' }, null)).toMatchObject({
      session: 'opencode:ses_1',
      aliases: ['opencode:ses_2'],
      subagent: 'ses_2',
    });
  });
});

describe('the session of everyone else', () => {
  it('is never the prompt cache key, which only recognised clients use as one', () => {
    const facts = responsesFacts({ prompt_cache_key: 'k' });
    for (const client of ['openai-sdk', 'ai-sdk', 'agents-sdk', 'anthropic-sdk', null] as const) {
      expect(readSession(client, { 'session-id': 's', 'x-session-id': 's' }, facts).session).toBeNull();
    }
  });

  it('is the one in metadata.user_id, as Claude Code’s library users send it', () => {
    const facts = messagesFacts({ metadata: { user_id: '{"session_id":"b"}' } });
    expect(readSession('anthropic-sdk', {}, facts).session).toBe('claude-code:b');
    expect(readSession(null, {}, messagesFacts({ metadata: { user_id: 'alice' } })).session).toBeNull();
  });
});
