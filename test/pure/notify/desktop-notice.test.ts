import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderDesktopNotice } from '../../../proxy-core/notify/desktop-notice.ts';
import { kindOfTool } from '../../../proxy-core/policy/tool-kinds.ts';
import { BUILT_IN } from '../../../proxy-core/redaction/redactor.ts';
import { gate } from './announcements.ts';

const notice = (tool: string, args: unknown, over: Parameters<typeof gate>[0] = {}) =>
  renderDesktopNotice(
    gate({ agent: 'refactor-bot', proposed_actions: [{ tool, args, call_id: null, rule: 'r' }], ...over }),
    kindOfTool,
    BUILT_IN,
  );

describe('the notification of a waiting gate', () => {
  it.each([
    ['Bash', { command: 'rm -rf build' }, 'refactor-bot: approve shell command?', 'rm -rf build'],
    ['Write', { file_path: '/etc/hosts', content: 'x' }, 'refactor-bot: approve file change?', '/etc/hosts'],
    ['run_sql', { query: 'DELETE FROM t' }, 'refactor-bot: approve SQL statement?', 'DELETE FROM t'],
    ['fetch_url', { url: 'http://x.test/' }, 'refactor-bot: approve web request?', 'http://x.test/'],
    ['issue_refund', { amount: 5 }, 'refactor-bot: approve issue_refund?', '{"amount":5}'],
    ['exec', 'ls\n -la', 'refactor-bot: approve shell command?', 'ls -la'],
    ['noop', null, 'refactor-bot: approve noop?', ''],
  ])('says who wants to do what with %s', (tool, args, title, body) => {
    expect(notice(tool, args)).toMatchObject({ title, body, gate_id: 'gate_8xk2m', rule: 'refund:over-$500' });
  });

  it('counts the other actions of the answer', () => {
    const action = { tool: 'Bash', args: {}, call_id: null, rule: null };
    const three = { proposed_actions: [action, { ...action, tool: 'Write', rule: 'r' }, action] };
    expect(notice('', null, three).title).toBe('refactor-bot: approve file change and 2 more?');
  });

  it('calls a whole request a model call', () => {
    expect(notice('x', {}, { kind: 'request' }).title).toBe('refactor-bot: approve model call?');
    expect(notice('x', {}, { proposed_actions: [] }).title).toBe('refactor-bot: approve model call?');
  });

  it('E10: shows hidden characters instead of obeying them', () => {
    expect(notice('Bash', { command: 'rm \u202e\u200b\u001b[2Jx' }).body).toBe('rm \\u{202e}\\u{200b}\\u{1b}[2Jx');
    expect(notice('pay\u202e', {}).title).toBe('refactor-bot: approve pay\\u{202e}?');
  });

  it('C7: masks a secret before it cuts, so that no part of one is shown', () => {
    for (let lead = 0; lead < 130; lead += 1) {
      const { body } = notice('Bash', { command: `${'x'.repeat(lead)} sk-ant-canary0123456789abcdef` });
      expect(body).not.toMatch(/canary|sk-ant/);
    }
  });

  it('is never longer than 120 characters and never holds a hidden one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (command) => {
        const { body } = notice('Bash', { command });
        expect(Array.from(body).length).toBeLessThanOrEqual(120);
        expect(body).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
