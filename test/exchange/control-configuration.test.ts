import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfiguration } from '../../proxy-core/config/parse.ts';
import type { Configuration } from '../../proxy-core/config/schema.ts';
import { REFUNDS } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

function configuration(text: string): Configuration {
  const parsed = parseConfiguration(text, 'rungate.yaml');
  if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
  return parsed.value;
}

const AGENT = configuration('agents: [{ name: bot, policy: refunds }]\npolicies: [refunds.yaml]\n');

const at = (path: string, text: string) => ({ path, text });

async function start(policyDocuments: readonly { path: string; text: string }[], home?: string): Promise<TestRungate> {
  const options = { configuration: AGENT, policyDocuments };
  const rungate = await startTestRungate(home === undefined ? options : { ...options, home });
  return rungate;
}

const versionsOf = async (rungate: TestRungate) =>
  (await rungate.call('policies.list', {})).policies
    .filter(({ policy }) => policy === 'refunds')
    .map(({ version, note, agents }) => ({ version, note, agents }));

describe('the policies of a configuration', () => {
  it('are applied before the agents that name them', async () => {
    const rungate = await start([at('/etc/rungate/refunds.yaml', REFUNDS)]);
    onTestFinished(() => rungate.close());
    expect(await versionsOf(rungate)).toEqual([{ version: 1, note: 'from refunds.yaml', agents: ['bot'] }]);
  });

  it('are not applied again while the file stays as it was, even over a version the operator has made', async () => {
    const first = await start([at('refunds.yaml', REFUNDS)]);
    const change = { document: REFUNDS.replace('500 }', '400 }'), file_name: 'mine.yaml', note: 'mine' };
    await first.call('policies.apply', change);
    await first.core.close();
    const second = await start([at('refunds.yaml', REFUNDS)], first.home);
    expect((await versionsOf(second)).map(({ note }) => note)).toEqual(['mine', 'from refunds.yaml']);
    await second.core.close();
    const third = await start([at('refunds.yaml', REFUNDS.replace('500 }', '300 }'))], first.home);
    onTestFinished(() => third.close());
    expect((await versionsOf(third)).map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('keep the core from starting when one has problems, each named with file and line', async () => {
    const bad = 'policy: refunds\nrules:\n  - { rule: a, match: { tol: x }, action: gate }\n';
    const failed = start([at('/etc/good.yaml', 'policy: good\n'), at('/etc/bad.yaml', bad)]);
    await expect(failed).rejects.toMatchObject({
      code: 'policy_invalid',
      message: 'The policy file /etc/bad.yaml has problems.',
      hint: expect.stringMatching(/^\/etc\/bad\.yaml:3:\d+: rules\[0\]\.match\.tol: .*tool/),
    });
  });

  it('keep the core from starting when two files hold the same policy', async () => {
    await expect(start([at('/a.yaml', REFUNDS), at('/b.yaml', REFUNDS)])).rejects.toMatchObject({
      message: 'Two files hold the policy refunds: /a.yaml and /b.yaml.',
      hint: expect.any(String),
    });
  });
});

describe('an agent of a configuration', () => {
  it('keeps the core from starting when its policy does not exist', async () => {
    await expect(start([])).rejects.toMatchObject({
      message: 'Agent bot: There is no policy refunds.',
      hint: expect.stringContaining('under policies'),
    });
  });
});
