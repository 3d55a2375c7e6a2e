import { describe, expect, it } from 'vitest';
import type { ClientSession } from '../../../proxy-core/runs/client-session.ts';
import {
  endedFailure,
  type Filed,
  identifyRun,
  type RunClaims,
  type RunLookup,
  type RunMatch,
  STOP_HOLD_MS,
} from '../../../proxy-core/runs/identify.ts';

const NOW = 1_790_000_000_000;
const NO_SESSION: ClientSession = {
  session: null,
  aliases: [],
  subagent: null,
  unnamedSubagent: false,
  side: null,
  installation: null,
};
const QUIET = { declaresTools: false, modelTurn: false, history: false, forcedTool: false };
/** The first call of a session. */
const FIRST = { ...QUIET, declaresTools: true };
/** A later one. */
const LATER = { ...FIRST, modelTurn: true, history: true };
const NO_CLAIMS: RunClaims = {
  headerRun: null,
  pathRun: null,
  newRun: false,
  session: NO_SESSION,
  handedOut: [],
  conversation: [],
  opening: LATER,
  counts: false,
};

/** One agent's runs, as a table. */
interface Known {
  readonly runs?: Readonly<
    Record<string, { readonly agentId?: string; readonly state?: 'open' | 'waiting' | 'completed' | 'stopped' }>
  >;
  /** `kind:key` to runs. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  /** Which of them were filed for a subagent, by `kind:key`. */
  readonly subagents?: Readonly<Record<string, string>>;
  readonly same?: Filed;
  readonly prompt?: Filed;
  readonly compacted?: string;
  readonly latest?: string;
  readonly titled?: string;
  readonly stopped?: { readonly runId: string; readonly at: number };
}

function lookupOf(known: Known): RunLookup {
  const { runs = {}, keys = {}, subagents = {} } = known;
  return {
    byId: (runId) => {
      const run = runs[runId];
      return run === undefined ? null : { runId, agentId: run.agentId ?? 'me', state: run.state ?? 'open' };
    },
    byKey: (kind, key) =>
      (keys[`${kind}:${key}`] ?? []).map((runId) => ({ runId, subagent: subagents[`${kind}:${key}`] ?? null })),
    sameRequest: () => known.same ?? null,
    promptCall: (within) => (within === null || within === known.prompt?.runId ? (known.prompt ?? null) : null),
    compacted: () => known.compacted ?? null,
    latest: () => known.latest ?? null,
    titled: () => known.titled ?? null,
    lastStopped: () => known.stopped ?? null,
  };
}

const identify = (claims: Partial<RunClaims>, known: Known = {}, now = NOW): RunMatch =>
  identifyRun({ ...NO_CLAIMS, ...claims }, lookupOf(known), { agentId: 'me', name: 'bot' }, now);
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
    same: { runId: 'by-request', subagent: null },
    prompt: { runId: 'by-prompt', subagent: 'call_9' },
    compacted: 'by-passage',
    latest: 'by-latest',
    titled: 'by-title',
  };
  const claims: readonly (readonly [string, Partial<RunClaims>])[] = [
    ['named', { headerRun: 'named' }],
    ['by-session', { session: session('s') }],
    ['by-request', {}],
    ['by-call', { handedOut: [{ kind: 'tool_call', key: 'call_1' }] }],
    ['by-conversation', { conversation: ['c'] }],
    ['by-prompt', { opening: FIRST }],
    ['by-passage', { opening: FIRST }],
    ['by-title', { opening: FIRST }],
  ];

  /** What the rules before this one would go by, which is not there for it. */
  const before: Readonly<Record<string, readonly (keyof Known)[]>> = {
    'by-call': ['same'],
    'by-conversation': ['same'],
    'by-prompt': ['same'],
    'by-passage': ['same', 'prompt'],
    'by-title': ['same', 'prompt', 'compacted'],
  };
  const knownFrom = (rule: string): Known =>
    Object.fromEntries(Object.entries(everything).filter(([key]) => !before[rule]?.includes(key as keyof Known)));

  it.each(claims.map(([expected], index) => [expected, index] as const))(
    'puts %s before all that follow',
    (expected, index) => {
      const rest = claims.slice(index).flatMap(([, claim]) => Object.entries(claim));
      expect(identify(Object.fromEntries(rest) as Partial<RunClaims>, knownFrom(expected))).toMatchObject({
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
      latest: 'old',
      same: { runId: 'old', subagent: null },
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
    expect(identify({ session: session('s') }, { keys: { 'session:s': ['one', 'two'] }, latest: 'three' }).kind).toBe(
      'starts',
    );
  });
});

describe('a title thread', () => {
  it('joins the latest run of its installation, and starts one if there is none', () => {
    const claims = { session: { ...NO_SESSION, side: 'title', installation: 'i' } };
    expect(identify(claims, { keys: { 'installation:i': ['newest', 'older'] } })).toMatchObject({ runId: 'newest' });
    expect(identify(claims, { latest: 'unrelated' })).toEqual({ kind: 'starts', runId: null });
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

describe('a subagent', () => {
  const prompt = { runId: 'one', subagent: 'call_9' };

  it('is known by its prompt, only of calls that declare tools and in which the model has not spoken', () => {
    expect(identify({ opening: FIRST }, { prompt })).toMatchObject({
      runId: 'one',
      by: 'subagent',
      subagent: 'call_9',
    });
    for (const opening of [QUIET, LATER]) expect(identify({ opening }, { prompt }).kind).toBe('starts');
    expect(identify({ opening: FIRST, counts: true }, { prompt }).kind).toBe('starts');
  });

  it('keeps its id in later calls, by whatever they are found', () => {
    const calls = [{ kind: 'tool_call', key: 'a' } as const];
    const keys = { 'tool_call:a': ['one'], 'conversation:c': ['one'] };
    const subagents = { 'tool_call:a': 'call_9', 'conversation:c': 'call_9' };
    expect(identify({ handedOut: calls }, { keys, subagents })).toMatchObject({ subagent: 'call_9' });
    expect(identify({ conversation: ['c'] }, { keys, subagents })).toMatchObject({ subagent: 'call_9' });
    expect(identify({ headerRun: 'one', handedOut: calls }, { runs: { one: {} }, keys, subagents })).toMatchObject({
      by: 'name',
      subagent: 'call_9',
    });
    expect(identify({}, { same: prompt })).toMatchObject({ by: 'same_request', subagent: 'call_9' });
  });

  it('that its client marks without a name is looked for in the run of its session alone', () => {
    const marked = session('s', { subagent: 'subagent', unnamedSubagent: true });
    const keys = { 'session:s': ['one'] };
    expect(identify({ session: marked, opening: FIRST }, { keys, prompt })).toMatchObject({ subagent: 'call_9' });
    const elsewhere = { keys, prompt: { runId: 'two', subagent: 'call_8' } };
    expect(identify({ session: marked, opening: FIRST }, elsewhere)).toMatchObject({ runId: 'one', subagent: null });
    expect(identify({ session: session('s'), opening: FIRST }, { keys, prompt })).toMatchObject({ subagent: null });
  });
});

describe('a compacted conversation', () => {
  it('is looked for only where a session could begin', () => {
    expect(identify({ opening: FIRST }, { compacted: 'one' })).toMatchObject({ runId: 'one', by: 'compacted' });
    for (const opening of [QUIET, LATER]) expect(identify({ opening }, { compacted: 'one' }).kind).toBe('starts');
  });
});

describe('a call that cannot begin a session', () => {
  it('joins the latest run: without history, and without tools or with one that is forced', () => {
    const joining = { kind: 'continues', runId: 'one', by: 'idle_window', subagent: null };
    expect(identify({ opening: QUIET }, { latest: 'one' })).toEqual(joining);
    expect(identify({ opening: { ...FIRST, forcedTool: true } }, { latest: 'one' })).toEqual(joining);
    expect(identify({ opening: LATER, counts: true }, { latest: 'one' })).toEqual(joining);
    for (const opening of [FIRST, LATER, { ...LATER, forcedTool: true }, { ...QUIET, history: true }])
      expect(identify({ opening }, { latest: 'one' }).kind).toBe('starts');
  });
});

describe('a run that a title began', () => {
  it('is taken over by a call that declares tools', () => {
    expect(identify({ opening: FIRST }, { titled: 'one' })).toMatchObject({ runId: 'one', by: 'title' });
    expect(identify({ opening: { ...QUIET, history: true } }, { titled: 'one' }).kind).toBe('starts');
  });
});

describe('after a stop', () => {
  const stopped = { runId: 'was', at: NOW };
  const held = NOW + STOP_HOLD_MS - 1;

  it('every new run is refused for 15 minutes, named or not, asked for or not, in any session', () => {
    for (const claims of [{}, { headerRun: 'fresh' }, { newRun: true }, { session: session('s') }]) {
      expect(codeOf(identify(claims, { stopped }, held))).toBe('run_stopped');
      expect(identify(claims, { stopped }, held + 1).kind).toBe('starts');
    }
  });

  it('says who can let the agent start again, and how', () => {
    const match = identify({}, { stopped }, NOW);
    const { message = '', context = {} } = match.kind === 'refused' ? match.failure : {};
    expect(message).toContain('15 minutes');
    expect(message).toContain('rungate resume --agent bot');
    expect(context).toMatchObject({ run_id: 'was' });
  });

  it('a call that says nothing of itself does not slip into the agent’s other run', () => {
    for (const [opening, known] of [
      [QUIET, { latest: 'other' }],
      [FIRST, { titled: 'other' }],
    ] as const) {
      expect(codeOf(identify({ opening }, { stopped, ...known }, held))).toBe('run_stopped');
      expect(identify({ opening }, { stopped, ...known }, held + 1)).toMatchObject({ runId: 'other' });
    }
  });

  it('the agent’s other runs go on where a call names or proves them', () => {
    const known = { stopped, runs: { other: {} }, keys: { 'tool_call:a': ['other'], 'session:t': ['other'] } };
    expect(identify({ headerRun: 'other' }, known, held)).toMatchObject({ runId: 'other' });
    expect(identify({ session: session('t') }, known, held)).toMatchObject({ runId: 'other' });
    expect(identify({ handedOut: [{ kind: 'tool_call', key: 'a' }] }, known, held)).toMatchObject({ runId: 'other' });
  });

  it('a title thread of the stopped client does not start a run', () => {
    const claims = { session: { ...NO_SESSION, side: 'title', installation: 'i' } };
    expect(codeOf(identify(claims, { stopped }, held))).toBe('run_stopped');
  });
});
