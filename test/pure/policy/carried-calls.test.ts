import { describe, expect, it } from 'vitest';
import { contextOf } from '../../../proxy-core/policy/call-context.ts';
import { toolsOf } from '../../../proxy-core/policy/drift.ts';
import { callSignature } from '../../../proxy-core/policy/loops.ts';
import { STARTER_POLICY } from '../../../proxy-core/policy/starter.ts';
import type { ToolCall } from '../../../proxy-core/wire/format.ts';
import { EVERYDAY_CARRIERS } from './everyday-carriers.ts';
import { callOf, decideCall, declared, policyOf, requestOf, scriptOf } from './subjects.ts';

const starter = policyOf(STARTER_POLICY);
const decide = (call: ToolCall, policy = starter, request = requestOf()): string => {
  const { effect, rule } = decideCall(policy, call, request);
  return rule === null ? effect : `${effect} ${rule.name}`;
};
const DELETE = { command: 'rm -rf ~/Documents' };
const REFUND = { amount_usd: 900 };

describe('a call that carries another', () => {
  it.each<readonly [string, unknown, string]>([
    ['tool_call', { id: 'exec', args: DELETE }, 'shell:delete'],
    ['tool_call', { id: 'exec', args: JSON.stringify(DELETE) }, 'shell:delete'],
    ['tool_call', { id: 'exec', ...DELETE }, 'shell:delete'],
    ['tool_call', { id: ' Exec', args: DELETE }, 'shell:delete'],
    ['tool_call', { id: 'functions.exec', args: DELETE }, 'shell:delete'],
    ['Tool_Call', { id: 'exec', args: DELETE }, 'shell:delete'],
    ['mcp__gateway__tool_call', { id: 'exec', args: DELETE }, 'shell:delete'],
    ['tool_call', { id: 'bank__issue_refund', args: REFUND }, 'money:move'],
    ['tool_call', { name: 'mcp__bank__issue_refund', arguments: REFUND }, 'money:move'],
    ['tool_call', { id: 'process', args: { action: 'write', sessionId: 's', data: 'rm -rf ~\n' } }, 'shell:delete'],
    ['tool_call', { id: 'tool_call', args: { id: 'exec', args: DELETE } }, 'shell:delete'],
    [
      'tool_call',
      { id: 'tool_call', args: JSON.stringify({ id: 'exec', args: JSON.stringify(DELETE) }) },
      'shell:delete',
    ],
    ['tool_call', { id: 'exec', args: '{"command": "rm' }, 'call:unreadable'],
    ['tool_call', { id: ['exec'], args: DELETE }, 'call:unreadable'],
    ['tool_call', '{"id":"exec","id":"read","args":{"command":"rm -rf ~"}}', 'call:unreadable'],
    ['tool_call', { id: 'write', args: { path: '~/.ssh/authorized_keys', content: 'x' } }, 'write:outside'],
    ['use_mcp_tool', { server_name: 'bank', tool_name: 'issue_refund', arguments: '{"amount_usd":900}' }, 'money:move'],
    ['use_mcp_tool', { server_name: 'term', tool_name: 'execute_command', arguments: DELETE }, 'shell:delete'],
    [
      'batch',
      {
        tool_calls: [
          { tool: 'read', parameters: {} },
          { tool: 'bash', parameters: DELETE },
        ],
      },
      'shell:delete',
    ],
    ['parallel', { tool_uses: [{ recipient_name: 'functions.bash', parameters: DELETE }] }, 'shell:delete'],
    ['invoke', { tool: 'bash', input: DELETE }, 'shell:delete'],
    ['do_it', { name: 'Bash', arguments: DELETE }, 'shell:delete'],
    ['do_it', { toolName: 'Bash', toolInput: DELETE }, 'shell:delete'],
    ['do_it', { tool_name: 'bash', parameters: 'rm -rf ~/Documents' }, 'shell:delete'],
    ['do_it', { request: { call: { name: 'bash', arguments: DELETE } } }, 'shell:delete'],
    [
      'do_it',
      { calls: [{ type: 'function', function: { name: 'bash', arguments: JSON.stringify(DELETE) } }] },
      'shell:delete',
    ],
    ['do_it', '{"name":"bash","arguments":{"command":"rm -rf ~/Documents"},}', 'call:unreadable'],
    ['execute_tool', { name: 'issue_refund', arguments: REFUND }, 'money:move'],
    ['gateway', { name: 'delete_repository', input: { name: 'a/b' } }, 'data:destroy'],
    ['create_job', { name: 'bash', input: DELETE }, 'shell:delete'],
    ['go', { name: 'execute_sql', args: { query: 'DROP TABLE users' } }, 'data:destroy'],
    ['do_it', { name: 'http_request', args: { url: 'https://x.io/1', method: 'DELETE' } }, 'infrastructure:destroy'],
  ])('%s %j is judged by what it carries: %s', (tool, args, rule) => {
    expect(decide(callOf(tool, args))).toBe(`gate ${rule}`);
  });

  it('is found in the calls of a script and in free text', () => {
    expect(decide(scriptOf('tools.tool_call({id: "exec", args: {command: "rm -rf ~"}})'))).toBe('gate shell:delete');
    expect(decide(callOf('anything', '{"name":"bash","input":"rm -rf ~"}', { kind: 'custom' }))).toBe(
      'gate shell:delete',
    );
  });

  it('is blocked by the list of blocked tools, also where the carrier is not known', () => {
    const policy = policyOf('policy: p\ntools: { block: [exec, "browser_*"] }\nrules: []');
    expect(decide(callOf('tool_call', { id: 'exec', args: {} }), policy)).toBe('block tools.block');
    expect(decide(callOf('do_it', { name: 'browser_open', input: {} }), policy)).toBe('block tools.block');
    expect(decide(callOf('do_it', { name: 'read', input: {} }), policy)).toBe('allow');
  });

  it('is held to the list of allowed tools where the carrier is known or the tool is', () => {
    const policy = policyOf('policy: p\ntools: { allow: [tool_call, do_it, read] }\nrules: []');
    expect(decide(callOf('tool_call', { id: 'read', args: {} }), policy)).toBe('allow');
    expect(decide(callOf('tool_call', { id: 'exec', args: {} }), policy)).toBe('block tools.allow');
    const exec = callOf('do_it', { id: 'exec', args: {} });
    expect(decide(exec, policy)).toBe('allow');
    expect(decide(exec, policy, requestOf({ usedTools: new Set(['exec']) }))).toBe('block tools.allow');
    const both = requestOf({ declared: [declared('do_it', { open: true }), declared('exec')] });
    expect(decide(exec, policy, both)).toBe('block tools.allow');
  });

  it('is not exempted by an allow rule for the carrier', () => {
    const rules = (first: string): string =>
      `policy: p\nrules:\n  - ${first}\n  - { rule: ask, match: { action.kind: shell }, action: gate }`;
    const carrier = policyOf(rules('{ rule: ok, match: { tool: tool_call }, action: allow }'));
    expect(decide(callOf('tool_call', { id: 'exec', args: { command: 'ls' } }), carrier)).toBe('gate ask');
    const inner = policyOf(rules('{ rule: ok, match: { tool: exec }, action: allow }'));
    expect(decide(callOf('tool_call', { id: 'exec', args: { command: 'ls' } }), inner)).toBe('allow ok');
    const unnamed = policyOf(rules('{ rule: ok, match: { args.command: ls }, action: allow }'));
    expect(decide(callOf('do_it', { id: 'exec', args: { command: 'ls' } }), unnamed)).toBe('gate ask');
  });

  it('never alerts and never meets the default by a reading that is only possible', () => {
    const policy = policyOf(
      'policy: p\ndefault: block\nrules:\n  - { rule: ok, match: { tool: do_it }, action: allow }\n  - { rule: tell, match: { action.kind: shell }, action: alert }',
    );
    expect(decide(callOf('do_it', { id: 'exec', args: { command: 'ls' } }), policy)).toBe('allow ok');
    expect(decide(callOf('tool_call', { id: 'exec', args: { command: 'ls' } }), policy)).toBe('alert tell');
    expect(decide(callOf('tool_call', { id: 'read', args: {} }), policy)).toBe('block');
  });

  it('is not looked for where the declared arguments leave no room', () => {
    const call = callOf('note', { name: 'bash', input: DELETE });
    expect(decide(call, starter, requestOf({ declared: [declared('note')] }))).toBe('allow');
    expect(decide(call, starter, requestOf({ declared: [declared('note', { open: true })] }))).toBe(
      'gate shell:delete',
    );
  });

  it('counts in habits and loops as what a known carrier certainly runs', () => {
    const context = contextOf(starter, requestOf());
    const direct = callOf('exec', DELETE);
    const carried = callOf('tool_call', { id: 'exec', args: DELETE });
    expect(callSignature(carried, context)).toBe(callSignature(direct, context));
    expect(toolsOf(carried, context)).toEqual(['tool_call', 'exec']);
    expect(toolsOf(callOf('do_it', { id: 'exec', args: DELETE }), context)).toEqual(['do_it']);
  });

  it('is read within bounds, and in doubt beyond them', () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? { id: 'exec', args: DELETE } : { id: 'tool_call', args: nested(depth - 1) };
    expect(decide(callOf('tool_call', nested(4)))).toBe('gate shell:delete');
    expect(decide(callOf('tool_call', nested(20)))).toBe('gate call:unreadable');
    const many = Array.from({ length: 100 }, () => ({ tool: 'read', parameters: {} }));
    expect(decide(callOf('batch', { tool_calls: many }))).toBe('gate call:unreadable');
  });

  it(`leaves ${EVERYDAY_CARRIERS.length} everyday calls of that shape free`, () => {
    expect(EVERYDAY_CARRIERS.length).toBeGreaterThanOrEqual(100);
    const asked = EVERYDAY_CARRIERS.filter(([, call]) => decide(call) !== 'allow');
    expect(asked.map(([title, call]) => `${title}: ${decide(call)}`)).toEqual([]);
  });
});

describe('names as clients repair them', () => {
  const policy = policyOf(
    'policy: p\ntools: { allow: [pay, issue_refund, mcp__bank__send] }\nrules:\n  - { rule: pay, match: { tool: pay, args.usd: { $gte: 500 } }, action: gate }\n  - { rule: sends, match: { tool: mcp__bank__send }, action: gate }',
  );
  const request = requestOf({ declared: [declared('pay'), declared('issue_refund'), declared('mcp__bank__send')] });

  it.each([
    'Pay',
    'PAY',
    ' pay',
    'pay\n',
    'functions.pay',
    'functions:pay',
    'default_api.pay',
    'default_api:pay',
    'mcp__bank__pay',
    'tools/pay',
    'repo.browser.pay',
    'p\u0430y',
    'ｐａｙ',
    'pa\u200by',
    'páy',
    'Functions.Pay',
    '_pay_',
  ])('%j is judged as the declared tool pay', (name) => {
    expect(decide(callOf(name, { usd: 900 }), policy, request)).toBe('gate pay');
    expect(decide(callOf(name, { usd: 9 }), policy, request)).toBe('allow');
  });

  it('finds the declared tool behind its own prefix', () => {
    expect(decide(callOf('MCP__Bank__Send', {}), policy, request)).toBe('gate sends');
    expect(decide(callOf('issueRefund', {}), policy, request)).toBe('allow');
  });

  it('still blocks what is no spelling of a declared tool', () => {
    expect(decide(callOf('paying', { usd: 1 }), policy, request)).toBe('block tools.allow');
    expect(decide(callOf('repay', { usd: 1 }), policy, request)).toBe('block tools.allow');
  });

  it('takes a declared name as it is', () => {
    const both = requestOf({ declared: [declared('Pay'), declared('pay')] });
    const rule = policyOf('policy: p\nrules:\n  - { rule: pay, match: { tool: pay }, action: gate }');
    expect(decide(callOf('Pay', {}), rule, both)).toBe('allow');
    expect(decide(callOf('PAY', {}), rule, both)).toBe('gate pay');
  });
});
