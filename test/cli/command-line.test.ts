import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { rungate, temporaryFolder } from './rungate-process.ts';

describe('a wrong command line', () => {
  it.each([
    [['--json'], 'no command given'],
    [['help', 'agnts'], 'unknown command `agnts`; did you mean `agents`?'],
    [['agents', 'lst', '--help'], 'unknown command `agents lst`; did you mean `list`?'],
    [['runs', 'list', 'more'], 'takes no further words'],
    [['agnts'], 'unknown command `agnts`; did you mean `agents`?'],
    [['agents'], 'needs one of: add, list, rotate, revoke'],
    [['agents', 'lst'], 'unknown command `agents lst`; did you mean `list`?'],
    [['agents', 'add'], '`rungate agents add` needs NAME'],
    [['stop', 'run_1', 'run_2'], 'takes no further words'],
    [['runs', '--sate', 'open'], 'unknown option `--sate`; did you mean `--state`?'],
    [['runs', '--state'], '`--state` needs a value (open|waiting|completed|stopped)'],
    [['runs', '--state', 'opne'], 'must be one of open, waiting, completed, stopped; did you mean `open`?'],
    [['runs', '--json=yes'], '`--json` takes no value'],
    [['runs', '--since', 'yesterday'], '`--since` needs a time'],
    [['runs', '--limit', '501'], 'a whole number from 1 to 500'],
    [['runs', '--limit', '0'], 'a whole number from 1 to 500'],
    [['agents', 'add', 'two words'], 'name: letters, digits'],
    [['agents', 'add', 'a', '--budget-usd', '1e3'], 'needs an amount in USD'],
    [['agents', 'add', 'a', '--budget-usd', '0x10'], 'needs an amount in USD'],
    [['budgets', 'set', '--agent', 'a', '--usd', '-5'], 'needs an amount in USD'],
    [['budgets', 'set', '--agent', 'a', '--usd', '5', '--usd', '50'], '`--usd` is given twice'],
    [['budgets', 'set', '--agent', 'a'], '`rungate budgets set` needs --usd USD'],
    [['budgets', 'set', '--agent', '--usd', '5'], '`--agent` needs a value (NAME)'],
    [['policies', 'apply', 'p.yaml'], '`rungate policies apply` needs --note TEXT'],
    [['policies', 'test', 'p'], '`rungate policies test` needs --request FILE'],
    [['budgets', 'set', '--usd', '5'], 'name one of --run'],
    [['budgets', 'reset', '--agent', 'a', '--team', 't'], 'name one of --run'],
    [['serve', '--port', '70000'], 'from 0 to 65535'],
    [['serve', '--port', '5000', '--console-port', '5000'], 'two different ports'],
    [['serve', '--port', 'http'], '`--port` needs a whole number'],
  ])('%j exits 2 and says why on standard error', async (argv, words) => {
    const ended = await rungate(argv, { RUNGATE_HOME: temporaryFolder() });
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(ended.err).toContain(words);
  });

  it('says it as one JSON document with --json', async () => {
    const ended = await rungate(['runs', '--sate', '--json']);
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(JSON.parse(ended.err)).toEqual({
      error: { code: 'usage', message: 'unknown option `--sate`; did you mean `--state`?' },
    });
  });

  it('takes --json after -- for a word', async () => {
    const ended = await rungate(['stop', '--', '--json', 'x']);
    expect(ended.code).toBe(2);
    expect(ended.err).toMatch(/^rungate: /);
  });
});

describe('without a running core', () => {
  it.each([
    [['runs']],
    [['runs', 'list']],
    [['gates', 'list']],
    [['run', 'r']],
    [['stop', 'r']],
    [['pause']],
    [['resume']],
    [['agents', 'list']],
    [['budgets', 'list']],
  ])('%j exits 1 and says how to start one', async (argv) => {
    const home = temporaryFolder();
    expect(await rungate([...argv, '--home', home])).toEqual({
      code: 1,
      signal: null,
      out: '',
      err: `rungate: No Rungate core is running for ${home}. Start one with: npx rungate --home ${home} serve\n`,
    });
  });

  it('says it as one JSON document with --json', async () => {
    const home = temporaryFolder();
    const ended = await rungate(['--json', 'runs'], { RUNGATE_HOME: home });
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err)).toEqual({
      error: { code: 'core_not_running', message: expect.stringContaining(home) },
    });
  });
});

describe('help', () => {
  it('lists every command', async () => {
    const { code, out } = await rungate(['--help']);
    expect(code).toBe(0);
    for (const name of [
      'serve',
      'agents add NAME',
      'budgets set',
      'runs',
      'run ID',
      'stop ID',
      'config check FILE',
      'doctor',
    ])
      expect(out).toContain(`  ${name} `);
  });

  it('is what the name alone prints, by purpose and with examples', async () => {
    const { code, out } = await rungate([]);
    expect(code).toBe(0);
    expect(out).toContain('\n\nDecide\n');
    expect(out).toContain('\n\nExamples\n  npx rungate serve --demo\n');
    expect(out).toBe((await rungate(['--help'])).out);
  });

  it('shows one command with its options, wherever --help stands', async () => {
    const { code, out } = await rungate(['--help', 'agents', 'add']);
    expect(code).toBe(0);
    expect(out).toContain('Usage: npx rungate agents add NAME');
    expect(out).toMatch(/--delivery auto\|hold\|retry {2,}How its approval gates reach it\./);
  });

  it.each([[['help', 'agents', 'add']], [['agents', 'add', '-h']]])('is shown for %j too', async (argv) => {
    const { code, out } = await rungate(argv);
    expect(code).toBe(0);
    expect(out).toContain('Usage: npx rungate agents add NAME');
  });

  it('names the options without which a command means nothing', async () => {
    expect((await rungate(['budgets', 'set', '--help'])).out).toContain(
      'Usage: npx rungate budgets set --usd USD [OPTIONS]',
    );
    expect((await rungate(['policies', 'apply', '--help'])).out).toContain(
      'Usage: npx rungate policies apply FILE --note TEXT\n',
    );
  });

  it('shows the commands of a family', async () => {
    const { out } = await rungate(['agents', '--help']);
    expect(out).toContain('  agents rotate NAME');
    expect(out).not.toContain('  serve');
  });
});

describe('--version', () => {
  it('prints the package’s version', async () => {
    for (const option of ['--version', '-v'])
      expect(await rungate([option])).toMatchObject({ code: 0, out: `${manifest.version}\n`, err: '' });
    expect(JSON.parse((await rungate(['--version', '--json'])).out)).toEqual({ version: manifest.version });
  });
});
