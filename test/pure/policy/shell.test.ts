import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patchPaths, readShellActions, readWordActions } from '../../../proxy-core/policy/shell-commands.ts';

const commandsOf = (text: string): readonly string[] => readShellActions(text).commands;

describe('commands of a shell text', () => {
  it.each([
    ['ls -la', ['ls -la']],
    ['  a;b && c || d & e\nf', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['a | b |& c', ['a | b | c', 'a', 'b', 'c']],
    ['/usr/bin/git status', ['git status']],
    ['FOO=1 BAR="x y" make all', ['make all', "FOO=1 'BAR=x y' make all"]],
    ['echo "a; rm b"', ["echo 'a; rm b'"]],
    ["echo 'it'\\''s'", ["echo 'it'\\''s'"]],
    ['echo a # rm b', ['echo a']],
    ['echo a#b', ['echo a#b']],
    ['echo "$(date) x"', ['date', "echo '$(date) x'"]],
    ['if true; then a; else b; fi', ['true', 'if true', 'a', 'then a', 'b', 'else b', 'fi']],
    ['while read l; do echo "$l"; done < in.txt', ['read l', 'while read l', 'echo $l', 'do echo $l', 'done']],
    ['sudo -u root rm x', ['sudo -u root rm x', 'root rm x', 'rm x', 'x']],
    ['bash -c "a; b"', ["bash -c 'a; b'", 'a', 'b']],
    [
      'find . -exec a {} \\; -o -exec b {} +',
      ["find . -exec a {} ';' -o -exec b {} +", "a {} ';' -o -exec b {} +", 'b {} +'],
    ],
    ['cat <<EOF\nrm -rf x\nEOF\nls', ['cat', 'ls']],
    ["cat <<-'EOF'\n\ta\n\tEOF\nls", ['cat', 'ls']],
    ["python3 - <<-'EOF'\n\ta b\n\tEOF\nls", ["python3 - 'a b'", 'ls']],
    ['cat <<EOF\n$(a) `b`\nEOF', ['cat', 'a', 'b']],
    ["cat <<'EOF'\n$(a) `b`\nEOF", ['cat']],
    ['((x = 1 << 2))\nrm y\n2', ['rm y', '2']],
    ['echo $((x<<2\n))\nrm y\n2', ["echo '$((x<<2 ))'", 'rm y', '2']],
    ['(( $(a) << 2 ))\nrm y', ['a', "'$(a)' 'rm y'", 'rm y']],
    ['psql <<< "DROP TABLE x"', ["psql 'DROP TABLE x'"]],
    ['echo $((1 + 2))', ["echo '$((1 + 2))'"]],
  ])('%j', (text, expected) => {
    expect(commandsOf(text)).toEqual(expected);
  });

  it('finds the files that are written', () => {
    const writesOf = (text: string) => readShellActions(text).writes;
    expect(writesOf('a > b 2>> c &> d >| e')).toEqual(['b', 'c', 'd', 'e']);
    expect(writesOf('a > /dev/null 2>&1')).toEqual([]);
    expect(writesOf('a < b')).toEqual([]);
    expect(writesOf('echo x | tee -a ~/.bashrc')).toEqual(['~/.bashrc']);
    expect(writesOf('> empty')).toEqual(['empty']);
    expect(writesOf("sudo bash -c 'echo x > /etc/y'")).toEqual(['/etc/y']);
    expect(writesOf("apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: src/a b.ts\n+x\n*** End Patch\nEOF")).toEqual([
      'src/a b.ts',
    ]);
  });

  it('reads a command given as words without splitting them again', () => {
    expect(readWordActions(['rm', '-rf', 'a; b']).commands).toEqual(["rm -rf 'a; b'"]);
    expect(readWordActions(['bash', '-lc', 'a && b']).commands).toEqual(["bash -lc 'a && b'", 'a', 'b']);
  });

  it('stays bounded on hostile text and says what it left out', () => {
    for (const text of [
      '$('.repeat(5_000),
      '`'.repeat(5_000),
      '"$('.repeat(2_000),
      'sudo '.repeat(2_000),
      'a;'.repeat(5_000),
      `bash -c ${'"bash -c '.repeat(50)}`,
    ]) {
      const actions = readShellActions(text);
      expect(actions.commands.length).toBeLessThanOrEqual(256);
    }
    expect(readShellActions('a;'.repeat(5_000)).truncated).toBe(true);
    expect(readShellActions('$('.repeat(5_000)).truncated).toBe(true);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'rm',
            ' ',
            '"',
            "'",
            '\\',
            '$(',
            ')',
            '`',
            ';',
            '|',
            '<<EOF',
            '\n',
            'EOF',
            '{',
            '}',
            '>',
            '$',
            'case',
            'in',
            'sudo',
          ),
          { maxLength: 40 },
        ),
        (parts) => {
          expect(Array.isArray(commandsOf(parts.join('')))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('finds a command however many harmless ones stand around it', () => {
    const harmless = fc.constantFrom(
      'ls',
      'cd src',
      'echo "a; b"',
      "printf '%s' x",
      'A=1',
      'true',
      'x=$(date)',
      '[ -f a ]',
      'cat <<E\nhi\nE\n',
    );
    const joints = fc.constantFrom(' ; ', ' && ', '\n', ' || ');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(harmless, joints), { maxLength: 6 }),
        fc.array(fc.tuple(joints, harmless), { maxLength: 6 }),
        (before, after) => {
          const lead = before.map(([command, joint]) => command + (command.endsWith('\n') ? '' : joint)).join('');
          const tail = after.map(([joint, command]) => joint + command).join('');
          expect(commandsOf(`${lead}rm -rf src${tail}`)).toContain('rm -rf src');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('paths of a patch', () => {
  it('reads Codex patches and unified diffs', () => {
    expect(
      patchPaths('*** Begin Patch\n*** Add File: a\n*** Update File: b\n*** Move to: c\n*** Delete File: d\n'),
    ).toEqual(['a', 'b', 'c', 'd']);
    expect(patchPaths('--- a/x.ts\n+++ b/x.ts\n@@\n')).toEqual(['x.ts']);
    expect(patchPaths('--- /dev/null\n+++ b/new.ts\t2026\n')).toEqual(['new.ts']);
    expect(patchPaths('hello')).toEqual([]);
  });
});
