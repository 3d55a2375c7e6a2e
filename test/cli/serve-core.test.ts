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

describe('rungate serve with secrets in its configuration', () => {
  it.each([
    ['an agent', 'agents: [{ name: bot, token: env:GONE }]'],
    ['a webhook', 'channels: { webhook: [{ name: w, url: "http://127.0.0.1:9/", secret: env:GONE }] }'],
  ])('does not start without the one of %s, and says which and what to do', async (_whose, text) => {
    const config = configure({ 'rungate.yaml': `${PORTS}${text}\n` });
    const ended = await rungate(['serve', '--json', '--config', config, '--home', temporaryFolder()]);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err.trimEnd().split('\n').at(-1) ?? '')).toEqual({
      error: {
        code: 'secret_missing',
        message: 'A secret that the configuration names is missing: env:GONE.',
        hint: 'The environment variable GONE is not set: set it and start Rungate again.',
      },
    });
  });
});

describe('the commands beside a headless core', () => {
  it('show when an agent was last seen', async () => {
    const home = temporaryFolder();
    const demo = start([RUNGATE, 'serve', '--demo', '--port', '0', '--console-port', '0', '--home', home]);
    await demo.said('console.log');
    const [url = '', token = ''] = [/http:\S+\/v1\/chat\S+/, /rg_agt_[\w-]+/].map((find) => find.exec(demo.out())?.[0]);
    const lastSeen = async () => {
      const { out } = await rungate(['agents', 'list', '--json', '--home', home]);
      return (JSON.parse(out) as { agents: { last_seen_at: string | null }[] }).agents[0]?.last_seen_at;
    };
    expect(await lastSeen()).toBeNull();
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo-model', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    expect(answer.status).toBe(200);
    expect(await lastSeen()).toEqual(expect.any(String));
  });

  it('name only commands that there are', async () => {
    const { ask } = await serve(configure({ 'rungate.yaml': PORTS }));
    for (const scope of ['run', 'agent', 'team']) {
      const { err } = await ask('budgets', 'set', `--${scope}`, 'nobody', '--usd', '1');
      const [, named = ''] = /npx rungate --home \S+ ([a-z ]+)\n/.exec(err) ?? [];
      expect((await ask(...named.split(' '))).code).toBe(0);
    }
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
