import type { RequestFacts } from '../wire/format.ts';
import { type ClientKind, type Headers, sessionRulesOf } from './client-table.ts';
import type { Mark, Place } from './session-rules.ts';

/** What a client says about the session a request belongs to. */
export interface ClientSession {
  /** The session that names the run (a subagent's parent when there is one), prefixed by the client. */
  readonly session: string | null;
  /** Further sessions filed under the same run, so that a subagent of a subagent is found too. */
  readonly aliases: readonly string[];
  readonly subagent: string | null;
  /** The client says that a subagent calls, and not which: the call that began it tells (behaviour §2, rule 6). */
  readonly unnamedSubagent: boolean;
  /** Side traffic such as "title": a label, never an exemption. */
  readonly side: string | null;
  /** Codex makes titles in a session of their own; this is the only thing that ties one to its run. */
  readonly installation: string | null;
}

const NO_SESSION: ClientSession = {
  session: null,
  aliases: [],
  subagent: null,
  unnamedSubagent: false,
  side: null,
  installation: null,
};

/**
 * Read the session a request belongs to from its headers and body facts. `userTexts` gives the ends of the user's texts,
 * latest first; asked only for a client that names its session there.
 */
export function readSession(
  client: ClientKind | null,
  headers: Headers,
  facts: RequestFacts | null,
  userTexts: () => readonly string[] = () => [],
): ClientSession {
  const rules = sessionRulesOf(client);
  const read = (place: Place): string | null => readPlace(place, headers, facts, userTexts);
  const installation = rules.installation === undefined ? null : read(rules.installation);
  const title = rules.title !== undefined && allHold(rules.title, headers, facts);
  // A title made in a session of its own says nothing of the run it belongs to.
  if (title && rules.installation !== undefined) return { ...NO_SESSION, side: 'title', installation };
  const own = firstOf(rules.ids ?? [], read);
  const parent = rules.parent === undefined ? null : read(rules.parent);
  const named = parent ?? own;
  // A Messages caller may still carry a session in metadata.user_id, as Claude Code's own library users do.
  const lent = named === null ? read({ in: 'user_id' }) : null;
  const mark = rules.subagents?.find(({ when }) => allHold(when, headers, facts));
  const id = mark === undefined || mark.id === null ? null : read(mark.id);
  return {
    session: named !== null ? `${client}:${named}` : lent === null ? null : `claude-code:${lent}`,
    aliases: parent !== null && own !== null ? [`${client}:${own}`] : [],
    subagent: parent !== null ? own : mark === undefined ? null : (id ?? 'subagent'),
    unnamedSubagent: mark !== undefined && id === null,
    side: title ? 'title' : null,
    installation,
  };
}

const firstOf = <T>(places: readonly T[], read: (place: T) => string | null): string | null =>
  places.reduce<string | null>((found, place) => found ?? read(place), null);

const allHold = (marks: readonly Mark[], headers: Headers, facts: RequestFacts | null): boolean =>
  marks.every((mark) => holds(mark, headers, facts));

function holds(mark: Mark, headers: Headers, facts: RequestFacts | null): boolean {
  switch (mark.kind) {
    case 'header':
      return mark.equals === undefined ? headers[mark.name] !== undefined : headers[mark.name] === mark.equals;
    case 'system':
      return mark.matches.test(facts?.sessionHints.systemHead ?? '');
    case 'member':
      return stringMember(headers[mark.header] ?? '', mark.member) === mark.equals;
    case 'toolless':
      return facts?.tools.length === 0;
    case 'structured':
      return facts?.structuredOutput === true;
  }
}

/** Longer ids belong to no client that was measured, and ids are kept: with runs, exchanges and their keys. */
const LONGEST_ID = 256;

type UserTexts = () => readonly string[];

function readPlace(place: Place, headers: Headers, facts: RequestFacts | null, userTexts: UserTexts): string | null {
  const id = valueAt(place, headers, facts, userTexts);
  return id === null || id === '' || id.length > LONGEST_ID ? null : id;
}

function valueAt(place: Place, headers: Headers, facts: RequestFacts | null, userTexts: UserTexts): string | null {
  switch (place.in) {
    case 'header':
      return headers[place.name] ?? null;
    case 'member':
      return stringMember(headers[place.header] ?? '', place.member);
    case 'prompt_cache_key':
      return facts?.sessionHints.promptCacheKey ?? null;
    case 'user_id':
      return sessionOfUserId(facts?.sessionHints.metadataUserId ?? null);
    case 'user_text':
      return firstOf(userTexts(), (text) => place.matches.exec(text)?.[1] ?? null);
  }
}

/** `metadata.user_id` is a JSON text with `session_id`, or in older versions ends in `_session_UUID`. */
function sessionOfUserId(userId: string | null): string | null {
  if (userId === null) return null;
  const older = /_session_([A-Za-z0-9-]{8,64})$/.exec(userId);
  if (older !== null) return older[1] ?? null;
  return stringMember(userId, 'session_id');
}

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
