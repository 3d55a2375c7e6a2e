import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignedNames, shellSegments } from '../../../proxy-core/gates/shell-view.ts';

const rows = (command: string) => shellSegments(command).map(({ joiner, text }) => [joiner, text]);
const binaries = (command: string) => shellSegments(command).map(({ binary }) => binary);

describe('a shell text', () => {
  it.each<[string, (string | null)[][]]>([
    ['ls', [[null, 'ls']]],
    [
      'a && b || c',
      [
        [null, 'a'],
        ['&&', 'b'],
        ['||', 'c'],
      ],
    ],
    [
      'a; b | c |& d & e',
      [
        [null, 'a'],
        [';', 'b'],
        ['|', 'c'],
        ['|&', 'd'],
        ['&', 'e'],
      ],
    ],
    [
      'a\n\n b',
      [
        [null, 'a'],
        ['\n', 'b'],
      ],
    ],
    [
      'a &&\n b',
      [
        [null, 'a'],
        ['&&', 'b'],
      ],
    ],
    ['make >log 2>&1 &', [[null, 'make >log 2>&1 &']]],
    ['echo "a; b" \'c && d\' e\\;f', [[null, 'echo "a; b" \'c && d\' e\\;f']]],
    ['echo $(a; b) `c | d` <(e; f)', [[null, 'echo $(a; b) `c | d` <(e; f)']]],
    ['ls # it; is', [[null, 'ls # it; is']]],
    [
      'cmd &> out; x',
      [
        [null, 'cmd &> out'],
        [';', 'x'],
      ],
    ],
    [
      "cat <<'E' > f\nrm; x\nE\nls",
      [
        [null, "cat <<'E' > f\nrm; x\nE"],
        ['\n', 'ls'],
      ],
    ],
    [
      'cat <<A <<-B\n1\nA\n\t2\n\tB\nls',
      [
        [null, 'cat <<A <<-B\n1\nA\n\t2\n\tB'],
        ['\n', 'ls'],
      ],
    ],
    [
      '((x<<2))\nrm -rf /',
      [
        [null, '((x<<2))'],
        ['\n', 'rm -rf /'],
      ],
    ],
    [
      'cat <<< word; ls',
      [
        [null, 'cat <<< word'],
        [';', 'ls'],
      ],
    ],
    ['', []],
  ])('%j is cut where it joins commands, each stretch as written', (command, expected) => {
    expect(rows(command)).toEqual(expected);
  });

  it.each<[string, (string | null)[]]>([
    ['/bin/rm -rf x', ['/bin/rm']],
    ['A=1 B="x y" make all', ['make']],
    ['if true; then rm x; fi', ['true', 'rm', 'fi']],
    ['(cd x && ls)', ['cd', 'ls']],
    ['$CMD x', [null]],
    ['r""m x', [null]],
    ['"rm" x', [null]],
    ['sudo rm x', ['sudo']],
  ])('%j names its programs, where they can be told', (command, expected) => {
    expect(binaries(command)).toEqual(expected);
  });

  it('names the variables it sets', () => {
    expect(assignedNames(shellSegments('A=1 B=2 x; export C=3; env -i D=4 y; echo E=5'))).toEqual(['A', 'B', 'C', 'D']);
  });

  it('loses nothing but blanks, whatever it is', () => {
    const piece = fc.constantFrom(
      'rm',
      ' ',
      '\n',
      ';',
      '&&',
      '|',
      '&',
      "'",
      '"',
      '`',
      '$(',
      ')',
      '<<E',
      'E',
      '#',
      '\\',
      '{',
      '}',
      '>&',
      '\u202e',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const command = pieces.join('');
        const shown = shellSegments(command).map(({ joiner, text }) => `${joiner ?? ''}${text}`);
        const plain = (text: string) => text.replace(/\s/g, '');
        expect(plain(shown.join(''))).toBe(plain(command));
      }),
      { numRuns: 2_000 },
    );
  });

  it('of very many commands shows the rest in its last row', () => {
    const command = 'a;'.repeat(200_000);
    const segments = shellSegments(command);
    expect(segments.length).toBeLessThanOrEqual(400);
    expect(segments.reduce((length, { joiner, text }) => length + text.length + (joiner?.length ?? 0), 0)).toBe(
      command.length,
    );
  });
});
