import type { RequestFacts } from '../wire/format.ts';

/**
 * Recognising the program that calls, by its headers, and what it says about its session. Measured on real
 * clients (claude-code 2.1, codex 0.169, opencode 1.18, openai and anthropic SDKs, AI SDK, Agents SDK).
 */
export type ClientKind =
  | 'claude-code'
  | 'codex'
  | 'opencode'
  | 'ai-sdk'
  | 'agents-sdk'
  | 'openai-sdk'
  | 'anthropic-sdk';

/** Request headers with lower-case names; a repeated header keeps its first value. */
export type Headers = Readonly<Record<string, string | undefined>>;

const USER_AGENTS: readonly (readonly [RegExp, ClientKind])[] = [
  [/^claude-cli\//, 'claude-code'],
  [/^codex[_-]/, 'codex'],
  [/opencode\//, 'opencode'],
  [/ai-sdk\//, 'ai-sdk'],
  [/^Agents\//, 'agents-sdk'],
  [/^(Async)?OpenAI\//, 'openai-sdk'],
  [/^(Async)?Anthropic\//, 'anthropic-sdk'],
];

/** The client that sent these headers, or null for one that is not known. */
export function recogniseClient(headers: Headers): ClientKind | null {
  if (headers['x-claude-code-session-id'] !== undefined) return 'claude-code';
  if (headers['originator']?.startsWith('codex') === true) return 'codex';
  if (headers['x-session-affinity'] !== undefined) return 'opencode';
  const agent = headers['user-agent'] ?? '';
  return USER_AGENTS.find(([pattern]) => pattern.test(agent))?.[1] ?? null;
}

/** What a client says about the session a request belongs to. */
export interface ClientSession {
  /** The session that names the run (a subagent's parent when there is one), prefixed by the client. */
  readonly session: string | null;
  /** Further sessions filed under the same run, so that a subagent of a subagent is found too. */
  readonly aliases: readonly string[];
  readonly subagent: string | null;
  /** Side traffic such as "title": a label, never an exemption. */
  readonly side: string | null;
  /** Codex makes titles in a session of their own; this is the only thing that ties one to its run. */
  readonly installation: string | null;
}

const NO_SESSION: ClientSession = { session: null, aliases: [], subagent: null, side: null, installation: null };

/** Read the session a request belongs to from its headers and body facts. */
export function readSession(client: ClientKind | null, headers: Headers, facts: RequestFacts | null): ClientSession {
  switch (client) {
    case 'claude-code':
      return claudeCodeSession(headers, facts);
    case 'codex':
      return codexSession(headers, facts);
    case 'opencode':
      return openCodeSession(headers, facts);
    case 'ai-sdk':
    case 'agents-sdk':
    case 'openai-sdk':
    case 'anthropic-sdk':
    case null: {
      // A Messages caller may still carry a session in metadata.user_id, as Claude Code's own library users do.
      const session = sessionOfUserId(facts?.sessionHints.metadataUserId ?? null);
      return session === null ? NO_SESSION : { ...NO_SESSION, session: `claude-code:${session}` };
    }
  }
}

function claudeCodeSession(headers: Headers, facts: RequestFacts | null): ClientSession {
  const session =
    headers['x-claude-code-session-id'] ?? sessionOfUserId(facts?.sessionHints.metadataUserId ?? null) ?? null;
  const marked = facts?.sessionHints.systemHead?.includes('cc_is_subagent=true') === true;
  return {
    ...NO_SESSION,
    session: session === null ? null : `claude-code:${session}`,
    subagent: headers['x-claude-code-agent-id'] ?? (marked ? 'subagent' : null),
    side: isTitle(facts) ? 'title' : null,
  };
}

/** `metadata.user_id` is a JSON text with `session_id`, or in older versions ends in `_session_UUID`. */
function sessionOfUserId(userId: string | null): string | null {
  if (userId === null) return null;
  const older = /_session_([A-Za-z0-9-]{8,64})$/.exec(userId);
  if (older !== null) return older[1] ?? null;
  return stringMember(userId, 'session_id');
}

function codexSession(headers: Headers, facts: RequestFacts | null): ClientSession {
  const session = headers['session-id'] ?? facts?.sessionHints.promptCacheKey ?? null;
  const turn = headers['x-codex-turn-metadata'] ?? '';
  const installation = stringMember(turn, 'installation_id');
  if (stringMember(turn, 'thread_source') === 'thread_title') return { ...NO_SESSION, side: 'title', installation };
  return {
    ...NO_SESSION,
    session: session === null ? null : `codex:${session}`,
    subagent: headers['x-codex-parent-thread-id'] === undefined ? null : (headers['thread-id'] ?? 'subagent'),
    installation,
  };
}

function openCodeSession(headers: Headers, facts: RequestFacts | null): ClientSession {
  const own = headers['x-session-id'] ?? headers['session-id'] ?? facts?.sessionHints.promptCacheKey ?? null;
  const parent = headers['x-parent-session-id'] ?? null;
  const named = parent ?? own;
  return {
    ...NO_SESSION,
    session: named === null ? null : `opencode:${named}`,
    aliases: parent !== null && own !== null ? [`opencode:${own}`] : [],
    subagent: parent === null ? null : own,
    side: facts !== null && facts.tools.length === 0 ? 'title' : null,
  };
}

const isTitle = (facts: RequestFacts | null): boolean =>
  facts !== null && facts.tools.length === 0 && facts.structuredOutput;

function stringMember(json: string, member: string): string | null {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return null;
    const found: unknown = Reflect.get(value, member);
    return typeof found === 'string' && found !== '' && found.length <= 200 ? found : null;
  } catch {
    return null;
  }
}

/**
 * Clients that cannot read a 202 as "wait": measured, every known agent and SDK takes it for an empty success or a
 * broken answer, so their connection is held instead (behaviour §6, `auto`).
 */
export const cannotRead202 = (client: ClientKind | null, headers: Headers): boolean =>
  client !== null || headers['x-stainless-lang'] !== undefined;

const MINUTE_MS = 60_000;

/**
 * How long a request may be held before any byte is sent, in milliseconds, below the time at which the client gives the
 * connection up (measured: 300 s for Claude Code, opencode and Node's fetch, 600 s for the Python SDKs, over an hour
 * for Codex).
 */
export function holdCeilingMs(client: ClientKind | null, headers: Headers): number {
  if (client === 'codex') return 55 * MINUTE_MS;
  if (headers['x-stainless-lang'] === 'python') return 9.5 * MINUTE_MS;
  return 4.75 * MINUTE_MS;
}
