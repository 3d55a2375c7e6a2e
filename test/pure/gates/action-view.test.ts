import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actionView } from '../../../proxy-core/contract/gate-card.ts';
import { viewAction } from '../../../proxy-core/gates/action-view.ts';
import { kindOfTool } from '../../../proxy-core/policy/tool-kinds.ts';

const sha256Bytes = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The view of a call, as the core makes it. */
const view = (tool: string, args: unknown, kind: string = kindOfTool(tool)) =>
  viewAction(
    { tool, args, call_id: 'c', rule: 'r' },
    {
      kind,
      raw: typeof args === 'string' ? args : JSON.stringify(args),
      matchedPaths: ['args.x'],
      cwd: '/usual',
      sha256Bytes,
      decodeBase64: (text) => (/^[\w+/]*=*$/.test(text) ? Buffer.from(text, 'base64') : null),
    },
  );
const changes = (tool: string, args: unknown) => {
  const shown = view(tool, args);
  return shown.view === 'diff' ? shown.changes : shown.view;
};

describe('a shell tool', () => {
  it.each<[string, unknown, string]>([
    ['Bash', { command: 'ls -l', description: 'x' }, 'ls -l'],
    ['exec_command', { cmd: 'ls', workdir: '/w' }, 'ls'],
    ['shell', { command: ['bash', '-lc', 'a && b'] }, 'a && b'],
    ['shell', { command: ['rm', '-rf', 'a b', "it's"] }, "rm -rf 'a b' 'it'\\''s'"],
    ['local_shell_call', { action: { type: 'exec', command: ['ls', '-l'] } }, 'ls -l'],
    ['run_command', { command: 'rm', args: ['-rf', 'a b'] }, "rm -rf 'a b'"],
    ['bash', 'echo hi', 'echo hi'],
  ])('%s %j shows its command', (tool, args, command) => {
    expect(view(tool, args)).toMatchObject({ view: 'shell', command, matched_paths: ['args.x'] });
  });

  it('works where the call says, else where its client does', () => {
    expect(view('exec_command', { cmd: 'ls', workdir: '/w' })).toMatchObject({ cwd: '/w' });
    expect(view('Bash', { command: 'ls', env: { A: '1' } })).toMatchObject({ cwd: '/usual', env: ['A'] });
  });

  it('whose command cannot be found is shown as its arguments', () => {
    expect(view('Bash', { command: [1] })).toMatchObject({ view: 'json', args: { command: [1] } });
  });
});

describe('a writing tool', () => {
  const none = { before: null, after: null, patch: null, mode: null, binary: null };
  it.each<[string, string, unknown, unknown]>([
    ['Write', 'Write', { file_path: '/a', content: 'é' }, [{ ...none, path: '/a', after: 'é', bytes: 2 }]],
    [
      'Edit',
      'Edit',
      { file_path: '/a', old_string: 'x', new_string: '' },
      [{ ...none, path: '/a', before: 'x', after: '', bytes: 0 }],
    ],
    [
      'MultiEdit',
      'MultiEdit',
      {
        file_path: '/a',
        edits: [
          { old_string: '1', new_string: '2' },
          { old_string: '3', new_string: '4' },
        ],
      },
      [
        { ...none, path: '/a', before: '1', after: '2', bytes: 1 },
        { ...none, path: '/a', before: '3', after: '4', bytes: 1 },
      ],
    ],
    [
      'NotebookEdit',
      'NotebookEdit',
      { notebook_path: '/n.ipynb', cell_id: 'x', new_source: 'y' },
      [{ ...none, path: '/n.ipynb', after: 'y', bytes: 1 }],
    ],
    [
      'create',
      'str_replace_based_edit_tool',
      { command: 'create', path: '/a', file_text: 'x' },
      [{ ...none, path: '/a', after: 'x', bytes: 1 }],
    ],
    [
      'str_replace',
      'str_replace_based_edit_tool',
      { command: 'str_replace', path: '/a', old_str: 'x', new_str: 'y' },
      [{ ...none, path: '/a', before: 'x', after: 'y', bytes: 1 }],
    ],
    [
      'insert',
      'str_replace_based_edit_tool',
      { command: 'insert', path: '/a', insert_line: 3, insert_text: 'y' },
      [{ ...none, path: '/a', after: 'y', bytes: 1 }],
    ],
    [
      'mode',
      'write_file',
      { path: '/a', content: 'x', mode: '0755' },
      [{ ...none, path: '/a', after: 'x', bytes: 1, mode: '0755' }],
    ],
  ])('%s', (_, tool, args, expected) => {
    expect(changes(tool, args)).toEqual(expected);
  });

  it('shows a patch file by file, every line of it', () => {
    const patch = [
      '*** Begin Patch',
      '*** Add File: new.ts',
      '+one',
      '+two',
      '*** Update File: old.ts',
      '*** Move to: moved.ts',
      '@@',
      '-a',
      '+b',
      '*** Delete File: gone.ts',
      '*** End Patch',
    ].join('\n');
    const shown = changes('apply_patch', patch);
    expect(shown).toMatchObject([
      { path: 'new.ts', before: null, after: 'one\ntwo' },
      { path: 'old.ts → moved.ts', after: null },
      { path: 'gone.ts', after: null },
    ]);
    expect(Array.isArray(shown) ? shown.map((one) => one.patch).join('') : '').toBe(patch);
    expect(changes('apply_patch', { input: patch })).toEqual(shown);
  });

  it('shows a unified diff with its mode', () => {
    const diff =
      'diff --git a/x.sh b/x.sh\nnew file mode 100755\n--- /dev/null\n+++ b/x.sh\n@@ -0,0 +1 @@\n+hi\ndiff --git a/y b/z\n--- a/y\n+++ b/z\n@@ -1 +1 @@\n-1\n+2\n';
    expect(changes('apply_patch', { patch: diff })).toMatchObject([
      { path: 'x.sh', mode: '100755' },
      { path: 'y → z', mode: null },
    ]);
  });

  it('names bytes by what they are and their hash', () => {
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2]);
    const binary = { type: 'image/png', sha256: sha256Bytes(png) };
    const expected = [{ ...none, path: '/a', bytes: 6, binary }];
    const content = png.toString('base64');
    expect(changes('write_file', { path: '/a', content, encoding: 'base64', mime_type: 'text/plain' })).toEqual(
      expected,
    );
    expect(changes('write_file', { path: '/a', content: `data:image/png;base64,${content}` })).toEqual(expected);
    expect(changes('Write', { file_path: '/a', content: 'a\0b' })).toMatchObject([
      { after: null, bytes: 3, binary: { type: 'application/octet-stream' } },
    ]);
  });

  it('whose change cannot be told is shown as its arguments', () => {
    expect(changes('delete_file', { path: '/a' })).toBe('json');
    expect(changes('Edit', { file_path: '/a' })).toBe('json');
    expect(changes('MultiEdit', { file_path: '/a', edits: [{ unknown: 1 }] })).toBe('json');
    expect(changes('apply_patch', 'no patch')).toBe('json');
  });
});

describe('an SQL tool', () => {
  it('says what it does', () => {
    expect(view('mcp__postgres__query', { sql: 'UPDATE t SET a=1; SELECT 1 FROM s' })).toMatchObject({
      view: 'sql',
      verb: 'UPDATE, SELECT',
      tables: ['t', 's'],
      unbounded: true,
    });
  });
});

describe('an HTTP tool', () => {
  it('masks credentials however headers are given', () => {
    const url = 'https://User:pw@API.example.com:8443/x';
    const lines = view('fetch', { url, headers: 'X-Api-Key: abc\nAccept: a:b' });
    expect(lines).toMatchObject({
      view: 'http',
      method: 'GET',
      url,
      host: 'api.example.com',
      headers: [
        { name: 'X-Api-Key', value: '••• (3 characters)' },
        { name: 'Accept', value: 'a:b' },
      ],
      body: null,
    });
    const listed = view('http_post', { url, headers: [{ name: 'cookie', value: 'a=b' }, ['A', 'b']], body: 'x' });
    expect(listed).toMatchObject({
      method: 'POST',
      headers: [
        { name: 'cookie', value: '••• (3 characters)' },
        { name: 'A', value: 'b' },
      ],
      body: 'x',
    });
  });

  it('without an address is shown as its arguments', () => {
    expect(view('fetch', { url: 'no address' }).view).toBe('json');
    expect(view('fetch', { urls: ['https://a', 'https://b'] }).view).toBe('json');
  });
});

describe('any call', () => {
  it('gives a view that the contract allows, with its arguments whole', () => {
    const kinds = fc.constantFrom('shell', 'write', 'sql', 'http', 'other');
    const keys = fc.constantFrom(
      'command',
      'path',
      'content',
      'old_string',
      'new_string',
      'query',
      'url',
      'headers',
      'edits',
      'patch',
      'env',
      'action',
      '__proto__',
    );
    const args = fc.oneof(fc.string(), fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()));
    fc.assert(
      fc.property(kinds, args, (kind, given) => {
        const shown = view('tool', given, kind);
        expect(actionView.safeParse(shown).success).toBe(true);
        expect(shown.raw).toBe(typeof given === 'string' ? given : JSON.stringify(given));
      }),
      { numRuns: 500 },
    );
  });
});
