import { describe, expect, it } from 'vitest';
import { readCall } from '../../../proxy-core/policy/calls.ts';
import { textOf } from '../../../proxy-core/policy/facts.ts';
import { kindOfTool } from '../../../proxy-core/policy/tool-kinds.ts';
import type { ToolCall } from '../../../proxy-core/wire/format.ts';
import { callOf, scriptOf } from './subjects.ts';

/** Every action of a call with its first reading: `kind value`. */
const actionsOf = (call: ToolCall): readonly string[] =>
  readCall(call).flatMap((subject) =>
    subject.actions().map(([reading]) => {
      const facts = [reading?.command, reading?.path, reading?.url].filter(
        (fact) => fact !== undefined && fact.kind !== 'absent',
      );
      const shown = facts.map((fact) => (fact === undefined || fact.kind === 'unknown' ? '?' : textOf(fact)));
      return [reading?.kind.kind === 'unknown' ? '?' : textOf(reading?.kind ?? { kind: 'absent' }), ...shown].join(' ');
    }),
  );

describe('the action of a call', () => {
  it.each([
    [callOf('Bash', { command: 'ls', description: 'x' }), ['shell ls']],
    [callOf('Bash', { command: 'ls > a > b' }), ['shell ls > a > b', 'write a', 'write b']],
    [callOf('exec_command', { cmd: 'ls', workdir: '/x' }), ['shell ls']],
    [callOf('shell', { command: ['bash', '-lc', 'git status'] }), ['shell git status']],
    [callOf('shell', { command: ['git', 'status'] }), ['shell git status']],
    [callOf('shell', { commands: ['ls', 'pwd'] }), ['shell ls', 'shell pwd']],
    [callOf('local_shell', { type: 'exec', command: ['ls'], env: {} }), ['shell ls']],
    [callOf('local_shell', { action: { command: ['ls'] } }), ['shell ls']],
    [callOf('run_shell_command', { command: 'rm', args: ['-rf', 'x'] }), ['shell rm -rf x']],
    [callOf('bash', { restart: true }), ['shell']],
    [callOf('write_stdin', { session_id: 3, chars: '' }), ['shell']],
    [callOf('run_command', { what: 'ls' }), ['shell ?', 'write ?']],
    [callOf('Bash', '{"command":'), ['shell ?', 'write ?']],
    [callOf('Write', { file_path: '/a/b', content: 'c' }), ['write /a/b']],
    [callOf('MultiEdit', { file_path: 'a', edits: [{ old_string: 'x', new_string: 'y' }] }), ['write a']],
    [callOf('edit', { filePath: 'a', oldString: '', newString: '' }), ['write a']],
    [callOf('NotebookEdit', { notebook_path: 'a.ipynb', new_source: 'import x' }), ['write a.ipynb']],
    [callOf('mcp__fs__move_file', { source: 'a', destination: 'b' }), ['write a', 'write b']],
    [
      callOf('mcp__fs__write_files', {
        files: [
          { path: 'a', content: '' },
          { path: 'b', content: '' },
        ],
      }),
      ['write a', 'write b'],
    ],
    [callOf('apply_patch', '*** Add File: a\n*** Delete File: b\n', { kind: 'custom' }), ['write a', 'write b']],
    [callOf('apply_patch', { type: 'update_file', path: 'a', diff: '@@' }), ['write a']],
    [callOf('apply_patch', 'nonsense', { kind: 'custom' }), ['write ?']],
    [callOf('str_replace_based_edit_tool', { command: 'view', path: '/etc/hosts' }), ['other']],
    [callOf('str_replace_based_edit_tool', { command: 'create', path: '/etc/hosts' }), ['write /etc/hosts']],
    [callOf('WebFetch', { url: 'https://x.io', prompt: 'y' }), ['http https://x.io']],
    [callOf('http_request', { method: 'GET', uri: 'https://x.io' }), ['http https://x.io']],
    [callOf('http_request', { where: 'x' }), ['http ?']],
    [callOf('execute_sql', { query: 'SELECT 1' }), ['sql SELECT 1']],
    [callOf('mcp__postgres__query', { sql: 'SELECT 1' }), ['sql SELECT 1']],
    [callOf('get_weather', { city: 'Bern' }), ['other']],
    [scriptOf('tools.exec_command({cmd: "a"}); tools.apply_patch("*** Add File: b\\n")'), ['shell a', 'write b']],
    [scriptOf('tools.exec_command({cmd})'), ['shell ?', 'write ?']],
    [scriptOf('tools[x]()'), ['? ? ? ?']],
    [scriptOf('text("hi")'), []],
  ])('$name $argsText', (call, expected) => {
    expect(actionsOf(call)).toEqual(expected);
  });

  it('reads a path as written and resolved', () => {
    const paths = (path: string) =>
      readCall(callOf('Write', { file_path: path }))[0]
        .actions()[0]
        ?.map((reading) => textOf(reading.path));
    expect(paths('/home/u/../../etc/./passwd')).toEqual(['/home/u/../../etc/./passwd', '/etc/passwd']);
    expect(paths('a\\..\\..\\b')).toEqual(['a\\..\\..\\b', '../b']);
    expect(paths('file:///etc//hosts')).toEqual(['file:///etc//hosts', '/etc/hosts']);
    expect(paths('src/a.ts')).toEqual(['src/a.ts']);
  });
});

describe('the kind of a tool', () => {
  it.each([
    [
      'shell',
      [
        'Bash',
        'bash',
        'shell',
        'exec_command',
        'local_shell',
        'run_shell_command',
        'execute_command',
        'runTerminalCmd',
        'container.exec',
        'mcp__desktop__start_process',
        'run_in_terminal',
      ],
    ],
    [
      'write',
      [
        'Write',
        'Edit',
        'MultiEdit',
        'NotebookEdit',
        'write_file',
        'create_text_file',
        'delete_file',
        'apply_patch',
        'mcp__filesystem__edit_file',
        'str_replace_editor',
      ],
    ],
    ['sql', ['execute_sql', 'run_sql_query', 'query_database', 'mcp__sqlite__read_query', 'db_query']],
    ['http', ['WebFetch', 'webfetch', 'http_request', 'fetch_url', 'mcp__playwright__browser_navigate']],
    [
      'other',
      [
        'Read',
        'Grep',
        'BashOutput',
        'KillShell',
        'TodoWrite',
        'WebSearch',
        'get_weather',
        'issue_refund',
        'constructor',
        '__proto__',
        'toString',
        '',
      ],
    ],
  ] as const)('%s', (kind, names) => {
    expect(names.map((name) => `${name} ${kindOfTool(name)}`)).toEqual(names.map((name) => `${name} ${kind}`));
  });
});
