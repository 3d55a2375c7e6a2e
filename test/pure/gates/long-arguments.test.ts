import { describe, expect, it } from 'vitest';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { boundArgs } from '../../../proxy-core/gates/bounded-args.ts';
import { readPatch } from '../../../proxy-core/gates/patch-view.ts';
import { assessRisk, type Risk } from '../../../proxy-core/gates/risk.ts';
import type { RiskReading } from '../../../proxy-core/gates/risk-facts.ts';
import { shellSegments } from '../../../proxy-core/gates/shell-view.ts';
import { readSql } from '../../../proxy-core/gates/sql-words.ts';
import { textsOf } from '../../../proxy-core/gates/texts.ts';

/**
 * Long arguments that are made to be slow (E11): where the time to read them grew with the square of their length, each of
 * these would take minutes, and every other call with it.
 */

const LENGTH = 300 * 1024;
const fill = (piece: string): string => piece.repeat(Math.ceil(LENGTH / piece.length));
const SLOW = [
  'a',
  'я',
  'aя',
  '1',
  'r',
  ' ',
  '\t',
  '\n',
  "'",
  '"',
  '`',
  '\\',
  '|/',
  '| ',
  '$(',
  '${',
  '<<a\n',
  'push ',
  'curl ',
  'iex ',
  'rd ',
  'eyJ-',
  'sk-',
  'password ',
  '-r',
  '-',
  '://',
  'FROM a, ',
  'TABLE ',
  'DELETE FROM t WHERE (',
  '/*',
  '$$',
  '*** Add File: ',
  '--- a\n',
  '\u202e',
];

const absent = { kind: 'absent' } as const;
const value = (text: string) => ({ kind: 'value', value: text }) as const;
const reading = (kind: string, facts: Partial<RiskReading> = {}): RiskReading => ({
  kind: value(kind),
  command: absent,
  path: absent,
  url: absent,
  ...facts,
});
const assess = (text: string, readings: readonly RiskReading[]): Risk =>
  assessRisk([{ tool: 'x', args: { text }, actions: [readings] }], {
    cwd: '/home/ann',
    amountLimit: 5,
    knownHosts: new Set(),
    visible,
  });

describe.each(SLOW.map((piece) => [JSON.stringify(piece), piece]))('a long text of %s', (_, piece) => {
  const texts = ['', 'rm -', 'git ', 'bash ', '//', '*** Begin Patch\n*** Add File: '].map(
    (head) => `${head}${fill(piece)}!`,
  );

  it('are judged and shown', () => {
    for (const text of texts) {
      const readings = [
        reading('shell', { command: value(text) }),
        reading('sql', { command: value(text) }),
        reading('write', { path: value(text) }),
        reading('http', { url: value(text) }),
      ];
      expect(assess(text, readings).reasons.map(({ code }) => code)).toContain('too_long');
      expect(shellSegments(text).length).toBeLessThanOrEqual(400);
      expect(readSql(text).length).toBeGreaterThanOrEqual(0);
      expect(readPatch(text).length).toBeLessThanOrEqual(500);
    }
  });
});

describe('very many values', () => {
  it('are looked at up to a number, and that there are more is told', () => {
    expect(textsOf({ a: Array.from({ length: 1_000_000 }, () => 1) }).whole).toBe(false);
    expect(textsOf({ a: ['x', { b: 'y', c: 3 }] })).toEqual({
      texts: ['a', 'x', 'b', 'y', 'c'],
      scalars: [
        { key: 'b', value: 'y' },
        { key: 'c', value: 3 },
      ],
      whole: true,
    });
  });

  it('are cut to what can be read at once, texts left whole', () => {
    const few = { command: 'x'.repeat(LENGTH), list: [1, [2]] };
    expect(boundArgs(few)).toEqual({ args: few, whole: true });
    const { args, whole } = boundArgs({ command: 'ls', list: Array.from({ length: 1_000_000 }, () => 1) });
    expect(whole).toBe(false);
    expect(args).toMatchObject({ command: 'ls' });
    expect((args as { list: unknown[] }).list.length).toBeLessThan(10_000);
    let deep: unknown = 1;
    for (let depth = 0; depth < 10_000; depth += 1) deep = [deep];
    expect(boundArgs(deep).whole).toBe(false);
  });
});
