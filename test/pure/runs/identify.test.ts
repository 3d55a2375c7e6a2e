import { describe, expect, it } from 'vitest';
import type { ClientSession } from '../../../proxy-core/runs/clients.ts';
import {
  endedFailure,
  identifyRun,
  type RunClaims,
  type RunLookup,
  type RunMatch,
  STOP_HOLD_MS,
} from '../../../proxy-core/runs/identify.ts';

const NOW = 1_790_000_000_000;
const NO_SESSION: ClientSession = { session: null, aliases: [], subagent: null, side: null, installation: null };
const NO_CLAIMS: RunClaims = {
  headerRun: null,
  pathRun: null,
  newRun: false,
  session: NO_SESSION,
  handedOut: [],
  conversation: [],
};

/** One agent's runs, as a table. */
interface Known {
  readonly runs?: Readonly<
    Record<string, { readonly agentId?: string; readonly state?: 'open' | 'waiting' | 'completed' | 'stopped' }>
  >;
  /** `kind:key` to runs. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly idle?: readonly string[];
  /** Latest first. */
  readonly stopped?: readonly { readonly runId: string; readonly at: number; readonly session?: string }[];
}

function lookupOf({ runs = {}, keys = {}, idle = [], stopped = [] }: Known): RunLookup {
  return {
    byId: (runId) => {
      const run = runs[runId];
      return run === undefined ? null : { runId, agentId: run.agentId ?? 'me', state: run.state ?? 'open' };
    },
    byKey: (kind, key) => keys[`${kind}:${key}`] ?? [],
    idle: () => idle,
    lastStopped: (session) => stopped.find((run) => session === null || run.session === session) ?? null,
  };
}

const identify = (claims: Partial<RunClaims>, known: Known = {}, now = NOW): RunMatch =>
  identifyRun({ ...NO_CLAIMS, ...claims }, lookupOf(known), 'me', now);
const session = (name: string, rest: Partial<ClientSession> = {}): ClientSession => ({
  ...NO_SESSION,
  session: name,
  ...rest,
});
const codeOf = (match: RunMatch): string => (match.kind === 'refused' ? match.failure.code : match.kind);

describe('the order in which a run is found', () => {
  const everything: Known = {
    runs: { named: {} },
    keys: {
      'session:s': ['by-session'],
      'tool_call:call_1': ['by-call'],
      'response:resp_1': ['by-response'],
      'conversation:c': ['by-conversation'],
    },
    idle: ['by-idle'],
  };
  const claims: readonly (readonly [string, Partial<RunClaims>])[] = [
    ['named', { headerRun: 'named' }],
    ['by-session', { session: session('s') }],
    ['by-call', { handedOut: [{ kind: 'tool_call', key: 'call_1' }] }],
    ['by-conversation', { conversation: ['c'] }],
    ['by-idle', {}],
  ];

  it.each(claims.map(([expected], index) => [expected, index] as const))(
    'puts %s before all that follow',
    (expected, index) => {
      const rest = claims.slice(index).flatMap(([, claim]) => Object.entries(claim));
      expect(identify(Object.fromEntries(rest) as Partial<RunClaims>, everything)).toMatchObject({
        kind: 'continues',
        runId: expected,
      });
    },
  );

  it('starts a run when nothing matches', () => {
    expect(identify({})).toEqual({ kind: 'starts', runId: null });
  });

  it('starts a run when asked to, whatever would match, unless one is named', () => {
    const all = { newRun: true, session: session('s'), conversation: ['c'] };
    expect(identify(all, everything)).toEqual({ kind: 'starts', runId: null });
    expect(identify({ ...all, headerRun: 'named' }, everything)).toMatchObject({ runId: 'named', by: 'name' });
  });
});

describe('a named run', () => {
  it('is started when unknown, by header or by path', () => {
    expect(identify({ headerRun: 'mine' })).toEqual({ kind: 'starts', runId: 'mine' });
    expect(identify({ pathRun: 'mine' })).toEqual({ kind: 'starts', runId: 'mine' });
    expect(identify({ headerRun: 'mine', pathRun: 'mine' })).toEqual({ kind: 'starts', runId: 'mine' });
  });

  it('is continued while open or waiting', () => {
    for (const state of ['open', 'waiting'] as const) {
      expect(identify({ pathRun: 'mine' }, { runs: { mine: { state } } })).toMatchObject({
        kind: 'continues',
        by: 'name',
      });
    }
  });

  it('is refused once it has ended', () => {
    expect(codeOf(identify({ headerRun: 'mine' }, { runs: { mine: { state: 'completed' } } }))).toBe('run_ended');
    expect(codeOf(identify({ headerRun: 'mine' }, { runs: { mine: { state: 'stopped' } } }))).toBe('run_stopped');
    expect(endedFailure('mine', 'completed').code).toBe('run_ended');
    expect(endedFailure('mine', 'stopped').code).toBe('run_stopped');
  });

  it('is not found when it is another agent’s, ended or not', () => {
    for (const state of ['open', 'completed', 'stopped'] as const) {
      expect(codeOf(identify({ headerRun: 'theirs' }, { runs: { theirs: { agentId: 'other', state } } }))).toBe(
        'not_found',
      );
    }
  });

  it('is refused when header and path disagree', () => {
    expect(codeOf(identify({ headerRun: 'a', pathRun: 'b' }, { runs: { a: {}, b: {} } }))).toBe('invalid_request');
  });

  it.each(['', 'a b', 'ä', 'a/b', 'a%2Fb', 'x'.repeat(129)])('is refused as %j', (name) => {
    expect(codeOf(identify({ pathRun: name }))).toBe('invalid_request');
  });

  it('may use every character that is allowed, up to 128 of them', () => {
    expect(identify({ headerRun: 'A-z.0_9:x' })).toEqual({ kind: 'starts', runId: 'A-z.0_9:x' });
    expect(identify({ headerRun: 'x'.repeat(128) }).kind).toBe('starts');
  });
});

describe('a client session', () => {
  it('decides alone: an unknown one starts a run although ids and conversation would match another', () => {
    const known = {
      keys: { 'tool_call:call_1': ['old'], 'conversation:c': ['old'] },
      idle: ['old'],
    };
    const claims = {
      session: session('forked'),
      handedOut: [{ kind: 'tool_call', key: 'call_1' } as const],
      conversation: ['c'],
    };
    expect(identify(claims, known)).toEqual({ kind: 'starts', runId: null });
  });

  it('is followed upwards through the aliases of subagents', () => {
    const claims = { session: session('opencode:child', { aliases: ['opencode:grandchild'] }) };
    expect(identify(claims, { keys: { 'session:opencode:grandchild': ['root'] } })).toMatchObject({ runId: 'root' });
  });

  it('that is filed under two open runs matches neither', () => {
    expect(identify({ session: session('s') }, { keys: { 'session:s': ['one', 'two'] }, idle: ['three'] }).kind).toBe(
      'starts',
    );
  });
});

describe('a title thread', () => {
  it('joins the latest run of its installation, and starts one if there is none', () => {
    const claims = { session: { ...NO_SESSION, side: 'title', installation: 'i' } };
    expect(identify(claims, { keys: { 'installation:i': ['newest', 'older'] } })).toMatchObject({ runId: 'newest' });
    expect(identify(claims, { idle: ['unrelated'] })).toEqual({ kind: 'starts', runId: null });
  });
});

describe('an id that was handed out', () => {
  const calls = (...names: string[]): Partial<RunClaims> => ({
    handedOut: names.map((key) => ({ kind: 'tool_call', key }) as const),
  });

  it('finds its run when all known ids agree', () => {
    const keys = { 'tool_call:a': ['one'], 'tool_call:b': ['one'] };
    expect(identify(calls('a', 'unknown', 'b'), { keys })).toMatchObject({ runId: 'one', by: 'handed_out' });
  });

  it('found in two runs matches none', () => {
    expect(identify(calls('a'), { keys: { 'tool_call:a': ['one', 'two'] } }).kind).toBe('starts');
    expect(identify(calls('a', 'b'), { keys: { 'tool_call:a': ['one'], 'tool_call:b': ['two'] } }).kind).toBe('starts');
  });
});

describe('a conversation', () => {
  it('is matched at its longest known length', () => {
    const keys = { 'conversation:long': ['long'], 'conversation:short': ['short'] };
    expect(identify({ conversation: ['unknown', 'long', 'short'] }, { keys })).toMatchObject({ runId: 'long' });
  });

  it('begun the same way in two runs is matched at the length that only one of them has', () => {
    const keys = { 'conversation:turn-2': ['one'], 'conversation:turn-1': ['one', 'two'] };
    expect(identify({ conversation: ['turn-2', 'turn-1'] }, { keys })).toMatchObject({
      runId: 'one',
      by: 'conversation',
    });
    expect(identify({ conversation: ['turn-1'] }, { keys }).kind).toBe('starts');
  });
});

describe('the idle window', () => {
  it('joins the agent’s sole open run only', () => {
    expect(identify({}, { idle: ['one'] })).toEqual({ kind: 'continues', runId: 'one', by: 'idle_window' });
    expect(identify({}, { idle: ['one', 'two'] })).toEqual({ kind: 'starts', runId: null });
  });
});

describe('after a stop', () => {
  const stopped = [
    { runId: 'was', at: NOW, session: 's' },
    { runId: 'before', at: NOW - 1000, session: 'earlier' },
  ];
  const held = NOW + STOP_HOLD_MS - 1;

  it('new runs are refused for 15 minutes, named or not, asked for or not', () => {
    for (const claims of [{}, { headerRun: 'fresh' }, { newRun: true }, { session: session('s') }]) {
      expect(codeOf(identify(claims, { stopped }, held))).toBe('run_stopped');
      expect(identify(claims, { stopped }, held + 1).kind).toBe('starts');
    }
  });

  it('another client session may start a run', () => {
    expect(identify({ session: session('other') }, { stopped }, held).kind).toBe('starts');
  });

  it('the sessions of all stopped runs are held, each for its own time', () => {
    const claims = { session: session('earlier') };
    expect(codeOf(identify(claims, { stopped }, held - 1000))).toBe('run_stopped');
    expect(identify(claims, { stopped }, held - 999).kind).toBe('starts');
  });

  it('a call that says nothing of itself does not slip into the agent’s other run', () => {
    expect(codeOf(identify({}, { stopped, idle: ['other'] }, held))).toBe('run_stopped');
    expect(identify({}, { stopped, idle: ['other'] }, held + 1)).toMatchObject({ runId: 'other' });
  });

  it('the agent’s other runs go on where a call names or proves them', () => {
    const known = { stopped, runs: { other: {} }, keys: { 'tool_call:a': ['other'] } };
    expect(identify({ headerRun: 'other' }, known, held)).toMatchObject({ runId: 'other' });
    expect(identify({ handedOut: [{ kind: 'tool_call', key: 'a' }] }, known, held)).toMatchObject({ runId: 'other' });
  });

  it('a title thread of the stopped client does not start a run', () => {
    const claims = { session: { ...NO_SESSION, side: 'title', installation: 'i' } };
    expect(codeOf(identify(claims, { stopped }, held))).toBe('run_stopped');
  });
});
