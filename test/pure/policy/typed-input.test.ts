import { describe, expect, it } from 'vitest';
import { STARTER_POLICY } from '../../../proxy-core/policy/starter.ts';
import { readTyped, readTypedInput, type TypedLine } from '../../../proxy-core/policy/typed-input.ts';
import type { ToolCall } from '../../../proxy-core/wire/format.ts';
import { callOf, decideCall, policyOf, requestOf } from './subjects.ts';

const starter = policyOf(STARTER_POLICY);
const decide = (call: ToolCall, before: TypedLine | null = null): string => {
  const { effect, rule } = decideCall(starter, call, requestOf({ typed: { before: () => before } }));
  return rule === null ? effect : `${effect} ${rule.name}`;
};
const line = (text: string): TypedLine => ({ text, unclear: false });

describe('text typed into a running program', () => {
  it.each<readonly [string, object]>([
    ['process', { action: 'write', sessionId: 's1', data: 'rm -rf ~/Documents\n' }],
    ['process', { action: 'send-keys', sessionId: 's1', keys: ['rm -rf ~/Documents', 'Enter'] }],
    ['process', { action: 'send-keys', sessionId: 's1', literal: 'rm -rf ~/Documents' }],
    [
      'process',
      {
        action: 'send-keys',
        sessionId: 's1',
        hex: Array.from('rm -rf ~\n', (mark) => mark.charCodeAt(0).toString(16)),
      },
    ],
    ['process', { action: 'paste', sessionId: 's1', text: 'ls\nrm -rf ~/Documents\n' }],
    ['write_stdin', { session_id: 1, chars: 'rm -rf ~/Documents\n' }],
    ['write_bash', { sessionId: 'a', input: 'rm -rf ~/Documents{enter}', delay: 1 }],
    ['send_to_terminal', { id: 't', command: 'rm -rf ~/Documents' }],
    ['mcp__desktop-commander__interact_with_process', { pid: 7, input: 'rm -rf ~/Documents' }],
    ['mcp__tmux__send-keys', { paneId: '%1', keys: 'rm -rf ~/Documents' }],
    ['write_to_terminal', { command: 'rm -rf ~/Documents' }],
    ['terminal_send_text', { terminal: 1, text: 'rm -rf ~/Documents\r' }],
    ['pty_write', { session: 1, data: 'rm -rf /tmpx\x7f\x7f\x7f\x7f\x15rm -rf ~\r' }],
  ])('%s %j is the command it types', (tool, args) => {
    expect(decide(callOf(tool, args))).toBe('gate shell:delete');
  });

  it.each<readonly [string, object]>([
    ['process', { action: 'list' }],
    ['process', { action: 'poll', sessionId: 's1' }],
    ['process', { action: 'kill', sessionId: 's1' }],
    ['process', { action: 'write', sessionId: 's1', data: 'git status\n' }],
    ['process', { action: 'write', sessionId: 's1', data: 'y' }],
    ['process', { action: 'submit', sessionId: 's1' }],
    ['process', { action: 'send-keys', sessionId: 's1', keys: ['Up', 'Enter'] }],
    ['process', { action: 'send-keys', sessionId: 's1', keys: ['Down', 'Down', 'Space', 'Enter'] }],
    ['process', { action: 'send-keys', sessionId: 's1', keys: ['C-c'] }],
    ['process', { action: 'send-keys', sessionId: 's1', keys: ['Escape', ':wq', 'Enter'] }],
    ['write_stdin', { session_id: 1, chars: '' }],
    ['write_stdin', { session_id: 1, chars: 'print(1)\n' }],
    ['write_bash', { sessionId: 'a', input: '{down}{enter}' }],
    ['write_bash', { sessionId: 'a', input: 'yes{enter}' }],
    ['browser_type', { ref: 'e1', text: 'rm -rf' }],
    ['type_text', { selector: '#q', text: 'sudo' }],
  ])('%s %j asks nobody', (tool, args) => {
    expect(decide(callOf(tool, args))).toBe('allow');
  });

  it('is joined with what stands typed in the same program', () => {
    const rest = callOf('write_stdin', { session_id: 1, chars: ' -rf ~\n' });
    expect(decide(rest)).toBe('allow');
    expect(decide(rest, line('rm'))).toBe('gate shell:delete');
    expect(decide(callOf('process', { action: 'submit', sessionId: 's' }), line('rm -rf ~'))).toBe('gate shell:delete');
    expect(decide(callOf('write_stdin', { session_id: 1, chars: 'ls\n' }), line('git '))).toBe('allow');
    expect(decide(callOf('write_stdin', { session_id: 1, chars: '\x15ls\n' }), line('rm -rf ~'))).toBe('allow');
  });

  it('is judged as it stands without a line end', () => {
    expect(decide(callOf('write_stdin', { session_id: 1, chars: 'echo rm' }))).toBe('allow');
    expect(decide(callOf('write_stdin', { session_id: 1, chars: 'rm -rf ~' }))).toBe('gate shell:delete');
  });

  it('cannot be told where the cursor was moved within the line', () => {
    const keys = (list: readonly string[]): ToolCall => callOf('process', { action: 'send-keys', keys: list });
    expect(decide(keys(['-rf ~', 'Home', 'rm ', 'Enter']))).toBe('gate call:unreadable');
    expect(decide(keys(['git status', 'C-c']))).toBe('allow');
    expect(decide(callOf('write_stdin', { chars: '\n' }), { text: 'x', unclear: true })).toBe('gate call:unreadable');
  });

  it('keeps what follows the last line end, bounded', () => {
    expect(readTyped('ls\nrm', null).rest).toEqual(line('rm'));
    expect(readTyped('ls\n', line('x')).rest).toBeNull();
    expect(readTyped('rm \\\n', null).rest).toEqual(line('rm \\\n'));
    expect(readTyped('x'.repeat(100_000), null).rest).toMatchObject({ unclear: true });
    expect(readTypedInput('write_stdin', new Map([['session_id', 7]]))).toBeNull();
    const long = Array.from({ length: 300_000 }, () => '61');
    expect(readTypedInput('write_stdin', new Map([['hex', long]]))?.text).toHaveLength(300_000);
  });
});
