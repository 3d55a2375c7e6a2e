import { describe, expect, it } from 'vitest';
import { STARTER_POLICY } from '../../../proxy-core/policy/starter.ts';
import type { ToolCall } from '../../../proxy-core/wire/format.ts';
import { callOf, decideCall, policyOf } from './subjects.ts';

const starter = policyOf(STARTER_POLICY);
const decide = (call: ToolCall): string => decideCall(starter, call).effect;

/** Dangerous by what the arguments are, under names that say little or nothing. */
const JUDGED: readonly (readonly [tool: string, args: unknown])[] = [
  ['do_it', { command: 'rm -rf src' }],
  ['do_it', { cmd: 'git push --force' }],
  ['helper', { Command: 'rm -rf src' }],
  ['helper', { shellCommand: 'rm -rf src' }],
  ['helper', { params: { command: 'rm -rf src' } }],
  ['helper', { steps: [{ command: 'ls' }, { command: 'rm -rf src' }] }],
  ['helper', { command: ['rm', '-rf', 'src'] }],
  ['helper', { commands: ['ls', 'rm -rf src'] }],
  ['mcp__box__go', { cmd: 'terraform destroy' }],
  ['ssh_exec', { host: 'web1', command: 'rm -rf /srv' }],
  ['docker_exec', { container: 'db', command: 'rm -rf /var/lib' }],
  ['mcp__vps__remote_execute', { cmd: 'shutdown -h now' }],
  ['terminal', { command: 'rm -rf src' }],
  ['bash_20250124', { command: 'rm -rf src' }],
  ['Bash_20250124', { command: 'git clean -fdx' }],
  ['run_python', { code: "import shutil; shutil.rmtree('src')" }],
  ['python_repl', { code: "import shutil\nshutil.rmtree('src')" }],
  ['execute_code', { language: 'bash', code: 'rm -rf src' }],
  ['execute_code', { language: 'javascript', code: "require('fs').rmSync('src', { recursive: true })" }],
  ['run_job', { script: 'npm publish' }],
  ['create_cron_job', { schedule: '* * * * *', command: 'rm -rf /srv' }],
  ['Bash', { command: 'ls', script: 'rm -rf src' }],
  ['Bash', { cmd: 'ls', command: 'echo', code: 'git push -f' }],
  ['execute_sql', { query: 'SELECT 1', sql: 'DROP TABLE users' }],
  ['helper', { sql: 'DROP TABLE users' }],
  ['mcp__supa__apply', { query: 'TRUNCATE orders' }],
  ['helper', { statement: 'DELETE FROM users' }],
  ['helper', { url: 'https://api.example.com/users/1', method: 'DELETE' }],
  ['edit_file', { path: 'a.ts', cmd: 'rm -rf src' }],
];

/** Everyday calls with the same keys. */
const FREE: readonly (readonly [tool: string, args: unknown])[] = [
  ['do_it', { command: 'npm test' }],
  ['browser', { command: 'click', selector: '#a' }],
  ['memory', { command: 'delete', path: '/memories/old.md' }],
  ['memory', { command: 'view', path: '/memories' }],
  ['str_replace_editor', { command: 'create', path: 'src/a.ts', file_text: 'rm -rf /' }],
  ['str_replace_based_edit_tool', { command: 'view', path: 'src/a.ts' }],
  ['explain_command', { command: 'rm -rf src' }],
  ['search_commands', { command: 'git push --force' }],
  ['describe', { sql: 'DROP TABLE users' }],
  ['format_code', { code: "shutil.rmtree('src')" }],
  ['review_code', { code: 'rm -rf src' }],
  ['get_country', { code: 'CH' }],
  ['apply_coupon', { code: 'SAVE10' }],
  ['verify_phone', { code: '123456' }],
  ['web_search', { query: 'delete from list python' }],
  ['search_docs', { query: 'drop table if exists' }],
  ['ask', { query: 'update all users' }],
  ['query_issues', { query: 'is:open label:bug' }],
  ['find_customers', { query: 'select all from Bern' }],
  ['helper', { query: 'SELECT * FROM users WHERE id = 1' }],
  ['helper', { sql: 'SELECT count(*) FROM orders' }],
  ['create_bookmark', { url: 'https://example.com' }],
  ['helper', { url: 'https://example.com', method: 'GET' }],
  ['helper', { url: 'https://example.com', method: 'POST', body: 'delete everything' }],
  ['text_to_speech', { script: 'What? No! rm -rf is a joke.' }],
  ['create_video', { script: 'rm -rf src' }],
  ['run_python', { code: "import json\nprint(json.dumps({'a': 1}))" }],
  ['execute_code', { language: 'python', code: 'print(1 + 1)' }],
  ['run_tests', { script: 'test:unit' }],
  ['ssh_exec', { host: 'web1', command: 'uptime' }],
  ['docker_exec', { container: 'db', command: 'ls /var/lib' }],
  ['bash_20250124', { command: 'ls -la' }],
  ['create_issue', { title: 'x', steps: [{ text: 'rm -rf src' }] }],
  ['send_message', { text: 'run rm -rf src' }],
  ['set_light', { command: 'on', room: 'kitchen' }],
  ['player', { command: 'pause' }],
];

describe('calls judged by what their arguments are', () => {
  it.each(JUDGED)('asks about %s %j', (tool, args) => {
    expect(decide(callOf(tool, args))).toBe('gate');
  });

  it.each(FREE)('lets %s %j pass', (tool, args) => {
    expect(decide(callOf(tool, args))).toBe('allow');
  });

  it('is exempted by an allow rule for the tool', () => {
    const policy = policyOf(
      JSON.stringify({
        policy: 'p',
        rules: [
          { rule: 'trusted', match: { tool: 'helper' }, action: 'allow' },
          { rule: 'deletes', match: { 'action.command': { $regex: '^rm' } }, action: 'gate' },
        ],
      }),
    );
    expect(decideCall(policy, callOf('helper', { command: 'rm -rf src' })).effect).toBe('allow');
    expect(decideCall(policy, callOf('other', { command: 'rm -rf src' })).effect).toBe('gate');
  });

  it('lets a default stand that such a reading would lift', () => {
    const policy = policyOf(
      JSON.stringify({
        policy: 'p',
        default: 'block',
        rules: [{ rule: 'shells', match: { 'action.kind': 'shell' }, action: 'allow' }],
      }),
    );
    expect(decideCall(policy, callOf('helper', { command: 'ls' })).effect).toBe('block');
  });
});
