import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REFUNDS } from '../harness/refunds.ts';
import { RUNGATE, rungate, start, temporaryFolder } from './rungate-process.ts';

/** Write a configuration and what lies beside it; returns its path. */
function configure(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return join(folder, 'rungate.yaml');
}

const PORTS = 'agent_port: 0\nconsole_port: 0\n';

/** `rungate serve` with a configuration, once it is ready. */
async function serve(config: string) {
  const home = temporaryFolder();
  const running = start([RUNGATE, 'serve', '--json', '--config', config, '--home', home]);
  await running.said('"pid"');
  return { home, ask: (...argv: string[]) => rungate(argv, { RUNGATE_HOME: home }) };
}

describe('rungate serve with policies in its configuration', () => {
  it('applies them from beside the file, before the agents that are pinned to them', async () => {
    const config = configure({
      'rungate.yaml': `${PORTS}policies: [./policies/refunds.yaml]\nagents: [{ name: bot, policy: refunds }]\n`,
      'policies/refunds.yaml': REFUNDS,
    });
    const { ask } = await serve(config);
    expect((await ask('policies', 'list')).out).toMatch(/refunds@1 .* bot .*from refunds\.yaml/);
    expect((await ask('policies', 'show', 'refunds')).out).toBe(REFUNDS);
  });

  it('does not start on one with problems, and names file and line', async () => {
    const config = configure({
      'rungate.yaml': `${PORTS}policies: [bad.yaml]\n`,
      'bad.yaml': 'policy: bad\nrules:\n  - { rule: a, match: { tol: x }, action: gate }\n',
    });
    const ended = await rungate(['serve', '--config', config, '--home', temporaryFolder()]);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toContain(`${join(dirname(config), 'bad.yaml')}:3:`);
  });

  it('does not start on one that is not there', async () => {
    const config = configure({ 'rungate.yaml': `${PORTS}policies: [gone.yaml]\n` });
    const ended = await rungate(['serve', '--json', '--config', config, '--home', temporaryFolder()]);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      error: {
        code: 'policy_unreadable',
        message: expect.stringContaining('there is no such file'),
        hint: expect.stringContaining('policies'),
      },
    });
  });
});

describe('cli_decisions', () => {
  const FILES = { 'refunds.yaml': REFUNDS };

  it('is on for a headless core unless its configuration says otherwise', async () => {
    const on = configure({ ...FILES, 'rungate.yaml': PORTS });
    const { ask } = await serve(on);
    const file = join(dirname(on), 'refunds.yaml');
    expect(await ask('policies', 'apply', file, '--note', 'n')).toMatchObject({ code: 0 });
  });

  it('turned off leaves the command line only to look and to stop', async () => {
    const off = configure({ ...FILES, 'rungate.yaml': `${PORTS}cli_decisions: false\n` });
    const { ask } = await serve(off);
    const refused = await ask('policies', 'apply', join(dirname(off), 'refunds.yaml'), '--note', 'n', '--json');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(refused.err).error.code).toBe('decision_not_allowed');
    expect(await ask('gates')).toMatchObject({ code: 0, out: 'No gates.\n' });
    expect(await ask('pause')).toMatchObject({ code: 0 });
    expect(await ask('resume')).toMatchObject({ code: 1 });
  });
});
