import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfiguration } from '../../proxy-core/config/parse.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** Whether a call with this token is answered. */
async function opens({ url }: TestRungate, token: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo-model', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  await answer.body?.cancel();
  return answer.status === 200;
}

describe('a revoked agent', () => {
  it('gets no token again, and its name can be given to a new one', async () => {
    const rungate = await startTestRungate();
    onTestFinished(() => rungate.close());
    const old = await rungate.addAgent('bot');
    await rungate.call('agents.revoke', { name: 'bot' });
    const rotated = await rungate.tryCall('agents.rotate', { name: 'bot' });
    expect(rotated).toMatchObject({
      ok: false,
      failure: { code: 'not_found', context: { recover: expect.stringContaining('rungate agents add bot') } },
    });
    const fresh = await rungate.addAgent('bot');
    expect([await opens(rungate, old), await opens(rungate, fresh)]).toEqual([false, true]);
    const { agents } = await rungate.call('agents.list', {});
    expect(agents.map(({ name, revoked_at }) => [name, revoked_at === null])).toEqual([
      ['bot', false],
      ['bot', true],
    ]);
    // What names the agent from now on means the new one.
    await rungate.call('agents.revoke', { name: 'bot' });
    expect(await opens(rungate, fresh)).toBe(false);
  });
});

describe('the token of a configured agent', () => {
  const [LEAKED, REPLACED] = ['rg_agt_leakedleakedleaked', 'rg_agt_replacedreplaced'];

  /** A core whose configuration names one agent; `token` is what its reference leads to. */
  async function startWith(token: string, home?: string, runUsd = 1): Promise<TestRungate> {
    const text = `agents: [{ name: bot, token: env:BOT, budget: { run_usd: ${runUsd} } }]\n`;
    const parsed = parseConfiguration(text, 'rungate.yaml');
    if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
    return startTestRungate({
      configuration: parsed.value,
      resolveSecret: async () => token,
      ...(home === undefined ? {} : { home }),
    });
  }

  it('is not revived at a restart after the operator has rotated it', async () => {
    const first = await startWith(LEAKED);
    expect(await opens(first, LEAKED)).toBe(true);
    const { token } = await first.call('agents.rotate', { name: 'bot' });
    first.advance(11 * 60_000);
    const second = await first.restart();
    onTestFinished(() => second.close());
    expect([await opens(second, LEAKED), await opens(second, token)]).toEqual([false, true]);
  });

  it('is not revived after the operator has revoked it, and keeps no core from starting', async () => {
    const first = await startWith(LEAKED);
    await first.call('agents.revoke', { name: 'bot' });
    await first.core.close();
    const second = await startWith(LEAKED, first.home);
    expect(await opens(second, LEAKED)).toBe(false);
    await second.core.close();
    // The file's own value changes, so the agent is back, with the token that is new in the file only.
    const third = await startWith(LEAKED, first.home, 2);
    expect(await opens(third, LEAKED)).toBe(false);
    await third.core.close();
    const fourth = await startWith(REPLACED, first.home, 2);
    onTestFinished(() => fourth.close());
    expect([await opens(fourth, LEAKED), await opens(fourth, REPLACED)]).toEqual([false, true]);
  });
});
