import { afterAll, beforeAll, expect, it } from 'vitest';
import { configuration } from '../../proxy-core/config/schema.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

let rungate: TestRungate;
beforeAll(async () => {
  rungate = await startTestRungate({ configuration: configuration.parse({ redaction: { patterns: ['EMP-\\d{6}'] } }) });
});
afterAll(() => rungate.close());

it('the preview shows what the built-in patterns, the configured ones and those to be tried make of a text', async () => {
  const text = 'EMP-123456 uses sk-0123456789abcdef on project falcon';
  expect(await rungate.call('redaction.preview', { text })).toEqual({
    text: '[masked] uses [masked] on project falcon',
    masked: 2,
  });
  expect(await rungate.call('redaction.preview', { text, patterns: ['(?i)PROJECT FALCON'] })).toEqual({
    text: '[masked] uses [masked] on [masked]',
    masked: 3,
  });
});

it.each([
  ['(', 'missing closing )'],
  ['a*', 'matches the empty text'],
  ['(?=x)', 'invalid or unsupported Perl syntax'],
])('the preview refuses the pattern %s and says why', async (pattern, why) => {
  expect(await rungate.tryCall('redaction.preview', { text: '', patterns: ['fine', pattern] })).toMatchObject({
    ok: false,
    failure: { code: 'invalid_request', message: expect.stringContaining(why) },
  });
});

it('masks the log, whoever writes to it', async () => {
  const reply = await rungate.tryCall('exports.prepare', {
    export_id: 'exp_notthere',
    run_id: 'no-such-run',
    format: 'json',
  });
  expect(reply).toMatchObject({ ok: false });
  await rungate.core.recordRefusal('navigation', { url: 'https://me:hunter22@example.test/EMP-123456' });
  expect(JSON.stringify(rungate.logged)).not.toContain('hunter22');
});

it('a pattern that cannot be used keeps the core from starting', async () => {
  const settings = configuration.parse({});
  const broken = { ...settings, redaction: { ...settings.redaction, patterns: ['('] } };
  await expect(startTestRungate({ configuration: broken })).rejects.toThrow('redaction.patterns');
});
