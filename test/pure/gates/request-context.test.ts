import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../../proxy-core/contract/conversation.ts';
import { clientCwd, goalOf, saidBefore } from '../../../proxy-core/gates/request-context.ts';
import { expectedRetry } from '../../../proxy-core/gates/retry-expectation.ts';

type Message = Conversation['messages'][number];
const said = (role: string, ...texts: string[]): Message => ({
  role,
  side: 'request',
  parts: texts.map((text) => ({ kind: 'text', text, cut: 0 })),
});
const codex = (cwd: string) => said('user', `<environment_context>\n  <cwd>${cwd}</cwd>\n</environment_context>`);

describe('the goal', () => {
  it('is what the user first said, without what clients put around it', () => {
    expect(goalOf([said('system', 'Be kind.'), said('user', 'fix it'), said('user', 'more')])).toBe('fix it');
    expect(goalOf([codex('/a'), said('user', 'fix it')])).toBe('fix it');
    expect(goalOf([said('user', '<system-reminder>\nx\n</system-reminder>\n', 'fix it')])).toBe('fix it');
    expect(goalOf([said('user', '<system-reminder>x</system-reminder> fix it')])).toBe('fix it');
    expect(goalOf([said('system', 'x')])).toBeNull();
    expect(goalOf([said('user', 'x'.repeat(1000))])).toBe(`${'x'.repeat(400)}…`);
  });
});

describe('the client’s directory', () => {
  it.each<[string, Message[], string | null]>([
    [
      'Claude Code',
      [said('system', 'You are…', '<env>\nWorking directory: /home/ann/api\nIs git: Yes')],
      '/home/ann/api',
    ],
    ['a list', [said('system', '# Environment\n - Primary working directory: /a b\n - Platform: x')], '/a b'],
    ['Gemini CLI', [said('system', "I'm currently working in the directory: /g")], '/g'],
    ['Windows', [said('system', 'Working directory: C:\\x')], 'C:\\x'],
    ['Codex, its latest', [codex('/a'), said('user', 'x'), codex('/b')], '/b'],
    ['nobody', [said('user', 'Working directory: /a')], null],
    ['a tool', [said('tool', '<environment_context><cwd>/a</cwd>'.slice(1))], null],
    ['a relative path', [said('system', 'Working directory: src')], null],
  ])('is named by %s', (_, messages, cwd) => {
    expect(clientCwd(messages)).toBe(cwd);
  });
});

describe('what the agent says', () => {
  it('ends at its first call', () => {
    const answer: Message = {
      role: 'assistant',
      side: 'response',
      parts: [
        { kind: 'reasoning', text: 'hm', cut: 0 },
        { kind: 'text', text: 'I will.', cut: 0 },
        { kind: 'tool_call', tool: 'x', call_id: null, text: '{}', cut: 0 },
        { kind: 'text', text: 'After.', cut: 0 },
      ],
    };
    expect(saidBefore([said('user', 'x'), answer])).toBe('I will.');
    expect(saidBefore([said('user', 'x')])).toBeNull();
  });
});

describe('the next retry', () => {
  const gate = { retries: 0, created_at: 1_000_000, last_retry_at: null, expires_at: 9_000_000 };
  const retried = (retries: number) => ({ ...gate, retries, last_retry_at: 2_000_000 });
  it.each([
    [gate, null, 1_005_000],
    [retried(1), null, 2_010_000],
    [retried(2), null, 2_030_000],
    [retried(9), null, 2_300_000],
    [retried(9), 400, 2_000_400],
  ])('of %j at a pace of %j is expected at %d', (given, gap, expected) => {
    expect(expectedRetry(given, gap, given.last_retry_at ?? given.created_at)).toBe(expected);
  });

  it('is not expected of an agent that has stopped asking', () => {
    expect(expectedRetry(gate, null, 1_005_000 + 30_000)).toBe(1_005_000);
    expect(expectedRetry(gate, null, 1_005_000 + 30_001)).toBeNull();
  });
});
