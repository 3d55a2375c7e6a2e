import type { RequestFacts } from '../wire/format.ts';
import type { ClientKind, Headers } from './client-table.ts';

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

/** Reads what one client says of its session. */
type SessionReader = (headers: Headers, facts: RequestFacts | null) => ClientSession;

const SESSION_READERS: Readonly<Partial<Record<ClientKind, SessionReader>>> = {
  'claude-code': claudeCodeSession,
  codex: codexSession,
  opencode: openCodeSession,
};

/** Read the session a request belongs to from its headers and body facts. */
export const readSession = (client: ClientKind | null, headers: Headers, facts: RequestFacts | null): ClientSession =>
  (client === null ? undefined : SESSION_READERS[client])?.(headers, facts) ?? unnamedSession(facts);

/** A Messages caller may still carry a session in metadata.user_id, as Claude Code's own library users do. */
function unnamedSession(facts: RequestFacts | null): ClientSession {
  const session = sessionOfUserId(facts?.sessionHints.metadataUserId ?? null);
  return session === null ? NO_SESSION : { ...NO_SESSION, session: `claude-code:${session}` };
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
