import type { Filed } from '../runs/identify.ts';
import type { StoreReader, UnansweredExchange } from '../store/store.ts';
import { printOf, printOfBody } from './gate-meeting.ts';
import type { ReadRequest } from './request.ts';

/**
 * Requests that have had no complete answer yet, of clients that name neither run nor session: the same request again is
 * a retry and belongs to the run of the first (behaviour §2, rule 3). Whether two requests are the same is only worked
 * out where they look alike (`sketch`), which keeps it off the path of an agent whose calls all get their answers.
 */
export interface Unanswered {
  /** The run and subagent of an unanswered exchange with this very request; `isOpen` says which runs still count. */
  find(request: ReadRequest, now: number, isOpen: (runId: string) => boolean): Filed | null;
  /** The request belongs to a run, and waits for its answer. A second time changes nothing. */
  enter(request: ReadRequest, filed: Filed): void;
  /** It has been given a complete answer, and with it all that it repeated. */
  answered(request: ReadRequest): void;
  /** It has been given what a gate released, which its client may not have got whole. */
  released(request: ReadRequest, at: number): void;
  /** It is over; without `answered` it stays unanswered. */
  leave(request: ReadRequest): void;
}

interface Entry extends Filed {
  readonly sketch: string;
  /** While it is under way; its print is worked out when it is first compared, or when it is over. */
  request: ReadRequest | null;
  print: string | null;
  releasedAt: number | null;
}

/** An exchange from before the start; its print is worked out from its stored body when it is first compared. */
interface Earlier {
  readonly exchange: UnansweredExchange;
  print: string | null;
}

/** What a gate released counts as complete only this long after it was delivered. */
export const RELEASE_GRACE_MS = 60_000;
/** Unanswered requests of one agent that are remembered. */
const MOST = 256;
/** `stream` and `stream_options`, which two sendings of one request may differ in, make so many bytes. */
const STREAM_BYTES = 128;
/** So long after the start exchanges from before it are looked at. */
const EARLIER_MS = 60 * 60_000;
/** Before anything was delivered. */
const ALWAYS = Number.NEGATIVE_INFINITY;

/** Whether a request is known by its content alone: one that names its run or session is found by that. */
const countsFor = ({ claims, session }: ReadRequest): boolean =>
  (claims.headerRun ?? claims.pathRun) === null && session.session === null && session.installation === null;

/** Nothing is unanswered but what the store has from before `startedAt` (epoch ms). */
export function createUnanswered(read: Pick<StoreReader, 'unanswered' | 'requestBody'>, startedAt: number): Unanswered {
  const agents = new Map<string, Set<Entry>>();
  const entries = new WeakMap<ReadRequest, Entry>();
  const earlier = new Map<string, readonly Earlier[]>();

  const of = (agentId: string): Set<Entry> => {
    const known = agents.get(agentId) ?? new Set<Entry>();
    agents.set(agentId, known);
    return known;
  };
  const printed = (entry: Entry): string | null => {
    if (entry.print === null && entry.request !== null) entry.print = printOf(entry.request);
    return entry.print;
  };
  const alike = (request: ReadRequest, now: number): readonly Entry[] =>
    [...of(request.agent.agent_id)].filter(
      ({ sketch, releasedAt }) => sketch === request.sketch && !isDelivered(releasedAt, now),
    );
  const same = (request: ReadRequest, now: number): readonly Entry[] => {
    const candidates = alike(request, now);
    if (candidates.length === 0) return [];
    const print = printOf(request);
    return candidates.filter((entry) => printed(entry) === print);
  };

  const earlierOf = (agentId: string, now: number): readonly Earlier[] => {
    if (now - startedAt > EARLIER_MS) return [];
    const known = earlier.get(agentId) ?? read.unanswered(agentId).map((exchange) => ({ exchange, print: null }));
    earlier.set(agentId, known);
    return known;
  };
  const printedEarlier = (one: Earlier): string => {
    const { exchangeId, method, path } = one.exchange;
    one.print ??= printOfBody(method, path, read.requestBody(exchangeId));
    return one.print;
  };
  const fromBefore = (request: ReadRequest, now: number, isOpen: (runId: string) => boolean): Filed | null => {
    const found = earlierOf(request.agent.agent_id, now).find(
      (one) =>
        looksAlike(one.exchange, request) && isOpen(one.exchange.runId) && printedEarlier(one) === printOf(request),
    );
    return found === undefined ? null : { runId: found.exchange.runId, subagent: found.exchange.subagent };
  };

  return {
    find(request, now, isOpen) {
      if (!countsFor(request)) return null;
      const found = same(request, now).findLast(({ runId }) => isOpen(runId));
      return found ?? fromBefore(request, now, isOpen);
    },
    enter(request, { runId, subagent }) {
      if (!countsFor(request) || entries.has(request)) return;
      const own = of(request.agent.agent_id);
      const entry: Entry = { runId, subagent, sketch: request.sketch, request, print: null, releasedAt: null };
      entries.set(request, entry);
      own.add(entry);
      const [oldest] = own;
      if (own.size > MOST && oldest !== undefined) own.delete(oldest);
    },
    answered(request) {
      const entry = entries.get(request);
      if (entry === undefined) return;
      const own = of(request.agent.agent_id);
      own.delete(entry);
      entries.delete(request);
      for (const other of same(request, ALWAYS))
        if (other.request === null && other.runId === entry.runId) own.delete(other);
      const left = earlier
        .get(request.agent.agent_id)
        ?.filter((one) => one.print === null || one.exchange.runId !== entry.runId || one.print !== printOf(request));
      if (left !== undefined) earlier.set(request.agent.agent_id, left);
    },
    released(request, at) {
      const entry = entries.get(request);
      if (entry === undefined) return;
      for (const other of [entry, ...same(request, ALWAYS)]) if (other.runId === entry.runId) other.releasedAt = at;
    },
    leave(request) {
      const entry = entries.get(request);
      if (entry === undefined) return;
      entries.delete(request);
      if (of(request.agent.agent_id).has(entry)) printed(entry);
      entry.request = null;
    },
  };
}

/** Its client has had the time to say that it did not get it. */
const isDelivered = (releasedAt: number | null, now: number): boolean =>
  releasedAt !== null && now - releasedAt >= RELEASE_GRACE_MS;

const looksAlike = ({ method, path, model, bytes }: UnansweredExchange, request: ReadRequest): boolean =>
  method === request.method &&
  path === request.target.path &&
  model === (request.facts?.model ?? null) &&
  Math.abs(bytes - request.body.length) <= STREAM_BYTES;
