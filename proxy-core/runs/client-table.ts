import type { Dialect } from '../wire/dialect.ts';
import type { Place, SessionRules } from './session-rules.ts';

/**
 * Every client that was measured: its version then, how it is recognised, where it names its session,
 * and the form of refusal that it stops on and shows in plain words. Clients change within weeks, so nothing depends on being recognised: whoever is not in this table gets
 * the table of failures as it stands and is held wherever it streams with tools (behaviour §3, §6).
 */
export interface ClientRow {
  readonly kind: string;
  /** The version that was measured. */
  readonly measured: string;
  /** Any one of these recognises it; rows are asked in order, so a program stands before the SDK it is built on. */
  readonly signs: ClientSigns;
  /** Absent: it names no session, so its requests are known by what they show (`identify.ts`). */
  readonly session?: SessionRules;
  readonly dialect: Dialect;
}

/** What gives a client away. */
export interface ClientSigns {
  /** A header of its own, whatever it says. */
  readonly header?: string;
  /** How a header begins: name and pattern. */
  readonly headers?: Readonly<Record<string, RegExp>>;
  readonly userAgent?: RegExp;
  /** A tool that the request declares. */
  readonly tool?: string;
  /** Its first system text. */
  readonly system?: RegExp;
}

const MINUTE_MS = 60_000;

/** Node's fetch gives up after 300 s without a byte. */
const NODE_CEILING_MS = 4.75 * MINUTE_MS;

const PLAIN: Dialect = {
  statuses: {},
  final: 'status',
  pending: 409,
  hold: 'silent',
  ceilingMs: NODE_CEILING_MS,
};

/** What a client that takes a 403 for its own login sees instead: 410, which all measured ones show and none retries. */
const NO_LOGIN = { 403: 410 } as const;

const header = (name: string): Place => ({ in: 'header', name });
const CACHE_KEY: Place = { in: 'prompt_cache_key' };
const CODEX_TURN = 'x-codex-turn-metadata';

const CLIENT_TABLE = [
  {
    kind: 'claude-code',
    measured: '2.1.332',
    signs: { header: 'x-claude-code-session-id', userAgent: /^claude-cli\// },
    session: {
      ids: [header('x-claude-code-session-id'), { in: 'user_id' }],
      subagents: [
        { when: [{ kind: 'header', name: 'x-claude-code-agent-id' }], id: header('x-claude-code-agent-id') },
        { when: [{ kind: 'system', matches: /cc_is_subagent=true/ }], id: null },
      ],
      title: [{ kind: 'toolless' }, { kind: 'structured' }],
    },
    // 400 makes it try six other requests, 404 blames the model's name, 403 says "log in".
    dialect: { ...PLAIN, statuses: { 400: 410, 403: 410, 404: 410, 415: 410 } },
  },
  {
    kind: 'codex',
    measured: '0.171.0',
    signs: { headers: { originator: /^codex/ }, userAgent: /^codex[_-]/ },
    session: {
      ids: [header('session-id'), CACHE_KEY],
      subagents: [{ when: [{ kind: 'header', name: 'x-codex-parent-thread-id' }], id: header('thread-id') }],
      title: [{ kind: 'member', header: CODEX_TURN, member: 'thread_source', equals: 'thread_title' }],
      installation: { in: 'member', header: CODEX_TURN, member: 'installation_id' },
    },
    // Retries every 4xx six times; waits over an hour without a byte.
    dialect: { ...PLAIN, final: 'failed-response', ceilingMs: 55 * MINUTE_MS },
  },
  {
    kind: 'opencode',
    measured: '1.18.33',
    signs: { header: 'x-session-affinity', userAgent: /opencode\// },
    session: {
      ids: [header('x-session-id'), header('session-id'), CACHE_KEY],
      parent: header('x-parent-session-id'),
      title: [{ kind: 'toolless' }],
    },
    dialect: PLAIN,
  },
  {
    kind: 'openclaw',
    measured: '2026.9.6',
    signs: { tool: 'openclaw' },
    // It takes every mark but letters and digits out of the ids of calls, so a result is no sign of its run.
    session: { ids: [{ in: 'user_text', matches: /\bRuntime: [^\n]*\| sessionId=([A-Za-z0-9-]{8,64})(?: |$)/ }] },
    // Replaces the message of every error status by a text of its own; 409 without regard to Retry-After, 429 for 104 s.
    dialect: { ...PLAIN, final: 'answer', pending: 429 },
  },
  {
    kind: 'copilot-cli',
    measured: '1.0.102',
    signs: { headers: { 'x-initiator': /^(user|agent)$/ }, system: /^You are the GitHub Copilot CLI\b/ },
    session: {
      ids: [CACHE_KEY],
      subagents: [
        { when: [{ kind: 'header', name: 'x-interaction-type', equals: 'conversation-subagent' }], id: null },
      ],
    },
    dialect: { ...PLAIN, statuses: NO_LOGIN },
  },
  {
    kind: 'qwen-code',
    measured: '0.24.4',
    signs: { userAgent: /^QwenCode\// },
    session: {
      subagents: [
        {
          when: [{ kind: 'system', matches: /^You are a [\w -]{0,60}subagent working for a parent agent\b/ }],
          id: null,
        },
      ],
    },
    dialect: PLAIN,
  },
  { kind: 'gemini-cli', measured: '0.61.0', signs: { userAgent: /^GeminiCLI/ }, dialect: PLAIN },
  // The official SDK under another name, with its session as a header.
  {
    kind: 'pi',
    measured: '0.73.1',
    signs: { header: 'session_id', system: /\boperating inside pi, a coding agent harness\b/ },
    session: { ids: [header('session_id'), CACHE_KEY] },
    dialect: PLAIN,
  },
  { kind: 'continue', measured: '1.5.47', signs: { userAgent: /^ls\/JS / }, dialect: PLAIN },
  {
    kind: 'langchain',
    measured: '@langchain/openai 1.6.0',
    signs: { userAgent: /^langchainjs-/ },
    // Never retries a 409; a 429 six times, as Retry-After says.
    dialect: { ...PLAIN, pending: 429 },
  },
  {
    kind: 'cline',
    measured: '3.0.65',
    signs: { userAgent: /^ai-sdk\/openai-compatible\/.*\bruntime\/bun/ },
    dialect: PLAIN,
  },
  {
    kind: 'ai-sdk',
    measured: 'ai 7.0.173',
    signs: { userAgent: /\bai-sdk[-/]/ },
    // Mastra 1.71, which is built on it and cannot be told from it, retries nothing; white space is read past for 700 s and more.
    dialect: { ...PLAIN, hold: 'white-space' },
  },
  { kind: 'agents-sdk', measured: '0.20.0', signs: { userAgent: /^Agents\// }, dialect: PLAIN },
  { kind: 'openai-sdk', measured: 'JS 7.59.0', signs: { userAgent: /^(Async)?OpenAI\// }, dialect: PLAIN },
  { kind: 'anthropic-sdk', measured: 'JS 1.14.0', signs: { userAgent: /^(Async)?Anthropic\// }, dialect: PLAIN },
] as const satisfies readonly ClientRow[];

/** A client of the table. */
export type ClientKind = (typeof CLIENT_TABLE)[number]['kind'];

/** The rows, in the order in which they are asked. */
export const CLIENTS: readonly (ClientRow & { readonly kind: ClientKind })[] = CLIENT_TABLE;

/** Request headers with lower-case names; a repeated header keeps its first value. */
export type Headers = Readonly<Record<string, string | undefined>>;

/**
 * The client that sent these headers, declared these tools and began with this system text, or null for one that is not
 * known. A request whose body has not been read has neither tools nor a text yet.
 */
export function recogniseClient(headers: Headers, tools: Tools = [], system: string | null = null): ClientKind | null {
  return CLIENTS.find(({ signs }) => shows(signs, headers, tools, system ?? ''))?.kind ?? null;
}

type Tools = readonly { readonly name: string }[];

function shows(signs: ClientSigns, headers: Headers, tools: Tools, system: string): boolean {
  if (signs.header !== undefined && headers[signs.header] !== undefined) return true;
  if (signs.userAgent?.test(headers['user-agent'] ?? '') === true) return true;
  if (signs.tool !== undefined && tools.some(({ name }) => name === signs.tool)) return true;
  if (signs.system?.test(system) === true) return true;
  return Object.entries(signs.headers ?? {}).some(([name, pattern]) => pattern.test(headers[name] ?? ''));
}

/** What a client says of its sessions; nothing for one that is not known. */
export const sessionRulesOf = (client: ClientKind | null): SessionRules =>
  CLIENTS.find(({ kind }) => kind === client)?.session ?? {};

/** The dialect of a client, null for the plain table of failures. */
export const dialectOf = (client: ClientKind | null): Dialect | null =>
  CLIENTS.find(({ kind }) => kind === client)?.dialect ?? null;

/**
 * How long a request may be held before any byte is sent, in milliseconds, below the time at which the client gives the
 * connection up (measured: 300 s for Claude Code, opencode and Node's fetch, 600 s for the Python SDKs, over an hour
 * for Codex).
 */
export const holdCeilingMs = (client: ClientKind | null, headers: Headers): number =>
  headers['x-stainless-lang'] === 'python' ? 9.5 * MINUTE_MS : (dialectOf(client)?.ceilingMs ?? NODE_CEILING_MS);
