import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { socketPath } from '../../electron/socket-path.ts';
import { AGENT, AT, BUDGET, RUN, step } from './records.ts';
import { rungate, startCore, temporaryFolder } from './rungate-process.ts';

const ok = (value: unknown) => ({ ok: true, value });
const refused = (code: string, message: string) => ({ ok: false, failure: { code, message, context: {} } });

/** Run a command against a core that gives one answer; returns both sides. */
async function ask(argv: readonly string[], reply: unknown) {
  const home = temporaryFolder();
  const { calls } = await startCore(home, () => reply);
  return { ...(await rungate(argv, { RUNGATE_HOME: home, TZ: 'UTC' })), calls };
}

const RUN_PAGE = {
  run: RUN,
  waited_ms: 0,
  starts_held_until: null,
  budgets: [],
  exchanges: [],
  steps: [step(1)],
  gates: [],
  grants: [],
  artifacts: [],
};

describe('each command asks the core for one operation', () => {
  it.each([
    [['agents', 'list'], 'agents.list', {}, { agents: [AGENT] }],
    [['agents', 'add', 'a'], 'agents.add', { name: 'a' }, { agent: AGENT, token: 'rg_agt_x' }],
    [
      ['agents', 'add', 'a', '--policy', 'p@2', '--team', 't', '--budget-usd', '2.5', '--delivery', 'hold'],
      'agents.add',
      { name: 'a', policy: 'p@2', team: 't', budget_usd: 2.5, delivery: 'hold' },
      { agent: AGENT, token: 'rg_agt_x' },
    ],
    [['agents', 'rotate', 'a'], 'agents.rotate', { name: 'a' }, { agent: AGENT, token: 'rg_agt_x' }],
    [['agents', 'revoke', 'a'], 'agents.revoke', { name: 'a' }, { agent: AGENT }],
    [['resume', '--agent', 'a'], 'agents.resume', { name: 'a' }, { agent: AGENT }],
    [['budgets', 'list'], 'budgets.list', {}, { budgets: [BUDGET] }],
    [
      ['budgets', 'set', '--team', 't', '--usd', '0.05', '--window', 'week'],
      'budgets.set',
      { scope: 'team', name: 't', usd: 0.05, window: 'week' },
      { budget: BUDGET },
    ],
    [
      ['budgets', 'set', '--run', 'r:1', '--usd', '7'],
      'budgets.set',
      { scope: 'run', name: 'r:1', usd: 7 },
      { budget: BUDGET },
    ],
    [['budgets', 'reset', '--agent', 'a'], 'budgets.reset', { scope: 'agent', name: 'a' }, { budget: BUDGET }],
    [['runs'], 'runs.list', { limit: 50 }, { runs: [RUN], total: 1, as_of: AT }],
    [
      ['runs', '--state', 'open', '--agent', 'a', '--limit', '3', '--offset', '6', '--as-of', String(AT)],
      'runs.list',
      { states: ['open'], agents: ['a'], limit: 3, offset: 6, as_of: AT },
      { runs: [], total: 0, as_of: AT },
    ],
    [
      ['runs', '--agent', 'a', '--query', 'tool:bash,sh cost:>1 "two words" agent:b'],
      'runs.list',
      { tools: ['bash', 'sh'], cost_over_usd: 1, text: '"two words"', agents: ['a'], limit: 50 },
      { runs: [], total: 0, as_of: AT },
    ],
    [['run', 'run_1'], 'runs.show', { run_id: 'run_1', limit: 1000 }, RUN_PAGE],
    [['stop', 'run_1'], 'runs.stop', { run_id: 'run_1' }, { run: RUN }],
    [['pause'], 'core.pause', {}, { paused: true }],
    [['resume'], 'core.resume', {}, { paused: false }],
  ])('%j', async (argv, operation, input, value) => {
    const { calls, ...ended } = await ask([...argv, '--json'], ok(value));
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(calls).toEqual([{ method: 'POST', path: `/api/${operation}`, type: 'application/json', input }]);
    // One document and nothing else.
    expect(ended.out).toBe(`${JSON.stringify(JSON.parse(ended.out))}\n`);
    expect(Object.keys(JSON.parse(ended.out))).toEqual(Object.keys(value));
  });
});

describe('JSON', () => {
  it('gives amounts in USD and instants as texts', async () => {
    const { out } = await ask(['runs', '--json'], ok({ runs: [RUN], total: 7, as_of: AT }));
    const { runs, total, as_of } = JSON.parse(out) as { runs: unknown[]; total: number; as_of: number };
    expect(runs[0]).toMatchObject({
      run_id: 'run_1',
      spent_usd: 0.000012345,
      cap_usd: 5,
      started_at: '2026-11-22T14:03:07.000Z',
      ended_at: null,
    });
    expect([total, as_of]).toEqual([7, AT]);
  });

  it('gives a new token as it is', async () => {
    const { out } = await ask(['agents', 'add', 'a', '--json'], ok({ agent: AGENT, token: 'rg_agt_secret' }));
    expect(JSON.parse(out)).toMatchObject({ token: 'rg_agt_secret', agent: { name: 'refactor-bot', run_cap_usd: 5 } });
  });

  it('keeps hidden characters as escapes', async () => {
    const summary = 'safe\u202eevil\u{e0041}\u001b[2J';
    const { out } = await ask(['run', 'run_1', '--json'], ok({ ...RUN_PAGE, steps: [step(1, summary)] }));
    for (const hidden of ['\u202e', '\u{e0041}', '\u001b']) expect(out).not.toContain(hidden);
    expect(JSON.parse(out).steps[0].summary).toBe(summary);
  });
});

describe('text', () => {
  it('says of which agents no tool call can be seen', async () => {
    const words = { ...AGENT, name: 'words-bot', text_calls_at: AT };
    const gone = { ...words, name: 'gone-bot', revoked_at: AT };
    const { out } = await ask(['agents', 'list'], ok({ agents: [AGENT, words, gone] }));
    const [said] = out.split('\n').filter((line) => line.includes('cannot be seen on the wire'));
    expect(said).toContain('words-bot');
    expect(said).not.toMatch(/refactor-bot|gone-bot/);
    expect((await ask(['agents', 'list'], ok({ agents: [AGENT] }))).out).not.toContain('on the wire');
    const { out: json } = await ask(['agents', 'list', '--json'], ok({ agents: [words] }));
    expect(JSON.parse(json).agents[0].text_calls_at).toBe('2026-11-22T14:03:07.000Z');
  });

  it('is a table with dollars and local times', async () => {
    const { out } = await ask(
      ['budgets', 'list'],
      ok({ budgets: [BUDGET, { ...BUDGET, scope: 'team', name: 't', cap_nano: null, resets_at: null }] }),
    );
    expect(out.split('\n')).toEqual([
      'SCOPE  NAME          WINDOW     CAP  SPENT  RESERVED  RESETS',
      'agent  refactor-bot  day     $20.00  $1.25     $0.00  2026-11-22 14:03:07',
      'team   t             day       none  $1.25     $0.00  -',
      '',
    ]);
  });

  it('shows a run with its steps', async () => {
    const { out } = await ask(['run', 'run_1'], ok(RUN_PAGE));
    expect(out).toContain('Spent       $0.000012 of $5.00');
    expect(out).toContain('Label goal  tidy');
    expect(out).toMatch(/1 {2}2026-11-22 14:03:07 {2}model_call {2}\$0\.000012 {2}gpt-5\.5 answered/);
  });

  it('shows the token once, on a line of its own', async () => {
    const { out } = await ask(['agents', 'rotate', 'a'], ok({ agent: AGENT, token: 'rg_agt_secret' }));
    expect(out.split('\n')).toContain('rg_agt_secret');
  });

  it('says how to go on where a list does not end', async () => {
    const { out } = await ask(['runs', '--offset', '4'], ok({ runs: [RUN], total: 9, as_of: AT }));
    expect(out).toContain(`5 of 9. More: the same with --offset 5 --as-of ${AT}`);
  });

  it('never lets a name or summary act on the terminal', async () => {
    const summary = 'ls\r\u001b[2K\u202egpj.exe\nfake line';
    const { out } = await ask(['run', 'run_1'], ok({ ...RUN_PAGE, steps: [step(1, summary)] }));
    expect(out).toContain('ls\\u{d}\\u{1b}[2K\\u{202e}gpj.exe\\nfake line');
  });
});

describe('a long run', () => {
  it('is shown whole, page by page', async () => {
    const home = temporaryFolder();
    const all = Array.from({ length: 1001 }, (_, index) => step(index + 1));
    const { calls } = await startCore(home, (_, input: { after_step?: number }) =>
      ok({ ...RUN_PAGE, steps: all.slice(input.after_step ?? 0, (input.after_step ?? 0) + 1000) }),
    );
    const { out } = await rungate(['run', 'run_1', '--json'], { RUNGATE_HOME: home });
    expect(JSON.parse(out).steps).toHaveLength(1001);
    expect(calls.map((call) => (call.input as { after_step?: number }).after_step)).toEqual([undefined, 1000]);
  });
});

describe('a core that refuses', () => {
  it('makes the command exit 1 with its sentence', async () => {
    const { calls: _, ...ended } = await ask(['stop', 'nope'], refused('not_found', 'There is no run nope.'));
    expect(ended).toEqual({ code: 1, signal: null, out: '', err: 'rungate: There is no run nope.\n' });
  });

  it('gives code and message with --json', async () => {
    const ended = await ask(['agents', 'add', 'a', '--json'], refused('already_exists', 'There is an agent a.'));
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err)).toEqual({ error: { code: 'already_exists', message: 'There is an agent a.' } });
  });
});

describe('a core of another version', () => {
  it.each([
    ['no JSON', 'hello'],
    ['another envelope', { result: 1 }],
    ['another record', ok({ runs: [{ id: 1 }], total: 1, as_of: AT })],
  ])('that answers %s is told apart from an empty answer', async (_, reply) => {
    const ended = await ask(['runs', '--json'], reply);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err).error.code).toBe('core_mismatch');
  });
});

describe('a core that dies while it answers', () => {
  it('makes the command exit 1', async () => {
    const home = temporaryFolder();
    const { server } = await startCore(home, () => ok({}));
    server.prependListener('request', (request) => request.socket.destroy());
    const ended = await rungate(['runs', '--json'], { RUNGATE_HOME: home });
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err).error.code).toBe('core_silent');
  });
});

describe('the command socket', () => {
  it('is found for a home whose path is too long for a socket', async () => {
    const home = join(temporaryFolder(), 'x'.repeat(120));
    mkdirSync(home);
    await startCore(home, () => ok({ paused: true }));
    expect(await rungate(['pause', '--home', home])).toMatchObject({ code: 0 });
    expect(statSync(dirname(socketPath(home))).mode & 0o777).toBe(0o700);
  });

  it('is not trusted in a folder that other users may write to', async () => {
    const home = temporaryFolder();
    const { calls } = await startCore(home, () => ok({ paused: true }));
    chmodSync(home, 0o777);
    const ended = await rungate(['pause', '--home', home, '--json']);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err).error.code).toBe('socket_refused');
    expect(calls).toEqual([]);
  });
});

describe('--query', () => {
  it('that cannot be understood is a usage error that names the place', async () => {
    const { calls, ...ended } = await ask(['runs', '--query', 'tool:bash cost:>=1'], ok({}));
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(ended.err).toContain('at `cost:>=1`');
    expect(calls).toEqual([]);
  });
});

describe('--since', () => {
  it('asks for runs from that time on', async () => {
    const before = Date.now();
    const { calls } = await ask(['runs', '--since', '2h'], ok({ runs: [], total: 0, as_of: AT }));
    const [{ since }] = calls.map((call) => call.input) as [{ since: number }];
    expect(since).toBeGreaterThanOrEqual(before - 2 * 3_600_000);
    expect(since).toBeLessThanOrEqual(Date.now() - 2 * 3_600_000);
    expect(since).toBeGreaterThan(AT - 10 * 365 * 86_400_000);
  });
});
