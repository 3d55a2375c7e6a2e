import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readScript } from '../../../proxy-core/policy/code-mode.ts';
import { evaluateToolCall } from '../../../proxy-core/policy/evaluate.ts';
import { readShellActions } from '../../../proxy-core/policy/shell-commands.ts';
import { STARTER_POLICY } from '../../../proxy-core/policy/starter.ts';
import { callOf, decideCall, policyOf, requestOf } from './subjects.ts';

/** What reading a call may cost, counted in what it yields: faults D2 and D3 of the hostile kind. No clock is asked. */

const starter = policyOf(STARTER_POLICY);
const filled = (piece: string, length: number): string =>
  piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

const PIECES = [
  'sudo ',
  'env ',
  'xargs ',
  'env a=b sudo -u x ',
  '$(',
  '`',
  '"$(',
  '${',
  'ls;',
  'ls | ',
  "sh -c 'sh -c ",
  'find -exec ',
  "ssh 'ls a' ",
  'eval ',
  "trap 'ls' ",
  '> a ',
  'cat <<A\n',
  '((',
  '{a,b} ',
  'nohup time nice ',
];

describe('what a shell text is read into', () => {
  it.each(PIECES)('is in proportion to its length: %j', (piece) => {
    const text = filled(piece, 32_000);
    const { commands } = readShellActions(text);
    expect(commands.length).toBeLessThanOrEqual(256);
    expect(commands.reduce((sum, line) => sum + line.length, 0)).toBeLessThanOrEqual(2 * text.length + 4_096);
  });

  it('is bounded for any mixture, and says when there is more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...PIECES, 'rm -rf ', "'", ')', '\n'), { maxLength: 60 }),
        fc.nat(200),
        (pieces, times) => {
          const text = pieces.join('').repeat(times).slice(0, 40_000);
          const { commands, writes } = readShellActions(text);
          const length = commands.reduce((sum, line) => sum + line.length, 0);
          expect(length).toBeLessThanOrEqual(2 * text.length + 4_096);
          expect(writes.length).toBeLessThanOrEqual(text.length);
        },
      ),
      { numRuns: 100 },
    );
    expect(readShellActions(filled('ls a;', 70_000)).truncated).toBe(true);
  });

  it('still names what a chain of wrappers runs in the end', () => {
    const { commands } = readShellActions('sudo sudo -E env A=1 nice -n 5 sudo rm -rf /data');
    expect(commands).toContain('rm -rf /data');
    expect(commands).toContain('env A=1 nice -n 5 sudo rm -rf /data');
  });
});

describe('what a script is read into', () => {
  it.each(['tools.a(', 'tools.a(tools.b({x:"y"}', 'tools.exec_command({cmd:"ls"', 'tools.a(["x",'])(
    'unclosed calls leave it uncertain: %j',
    (piece) => {
      expect(readScript(filled(piece, 100_000)).uncertain).not.toBeNull();
    },
  );

  it('is bounded in calls and in the text of calls within calls', () => {
    const many = readScript('tools.exec_command({cmd:"ls"});'.repeat(1_000));
    expect(many.calls.length).toBeLessThanOrEqual(256);
    expect(many.uncertain).toContain('more calls');
    const nested = readScript(`${'tools.a('.repeat(1_000)}${')'.repeat(1_000)}`);
    expect(nested.uncertain).not.toBeNull();
    expect(nested.calls.reduce((sum, call) => sum + call.source.length, 0)).toBeLessThan(20_000);
  });

  it('reads brackets of any kind as pairs', () => {
    const { calls, uncertain } = readScript(
      'tools.a({x: [1, 2]}); tools.b([{y: "z"}]); f(() => { return tools.c(); })',
    );
    expect([calls.map(({ tool, args }) => [tool, args !== null]), uncertain]).toEqual([
      [
        ['a', true],
        ['b', true],
        ['c', true],
      ],
      null,
    ]);
  });
});

describe('an evaluation', () => {
  it.each([
    callOf('Bash', { command: filled('sudo ', 32_000) }),
    callOf('Bash', { command: filled('ls | ', 60_000) }),
    callOf('exec', filled('tools.exec_command({cmd:"ls"});', 200_000), { kind: 'custom', namespace: 'functions' }),
    callOf('shell', { commands: Array.from({ length: 3_000 }, (_, n) => `ls ${n}`) }),
    callOf('sql', { statements: Array.from({ length: 3_000 }, (_, n) => `select ${n}`) }),
  ])('gives the worker at most 64 matches at a time and goes on without the rest', (call) => {
    const evaluation = evaluateToolCall(starter, requestOf(), call);
    if (evaluation.kind === 'pending') expect(evaluation.jobs.length).toBeLessThanOrEqual(64);
  });

  it('counts what is beyond its bounds as ambiguous, never as harmless', () => {
    const answered = (call: ReturnType<typeof callOf>) => {
      let evaluation = evaluateToolCall(starter, requestOf(), call);
      let answers: { pattern: string; input: string; matched: boolean }[] = [];
      while (evaluation.kind === 'pending') {
        answers = [...answers, ...evaluation.jobs.map((job) => ({ ...job, matched: false }))];
        evaluation = evaluateToolCall(starter, requestOf(), call, { answers });
      }
      return evaluation.decision.effect;
    };
    expect(answered(callOf('Bash', { command: `${filled('ls a;', 66_000)} rm -rf ~` }))).not.toBe('allow');
    expect(decideCall(starter, callOf('shell', { commands: Array.from({ length: 500 }, () => 'ls') })).effect).toBe(
      'gate',
    );
    expect(decideCall(starter, callOf('exec', 'tools.f();'.repeat(300), { kind: 'custom' })).effect).toBe('gate');
  });
});
