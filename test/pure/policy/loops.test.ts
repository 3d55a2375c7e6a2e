import { describe, expect, it } from 'vitest';
import { loopSettings } from '../../../proxy-core/policy/compile.ts';
import { callSignature, createLoopTracker, loopDecision } from '../../../proxy-core/policy/loops.ts';
import type { LoopSettings } from '../../../proxy-core/policy/schema.ts';
import { callOf, policyOf } from './subjects.ts';

const settings: LoopSettings = {
  identical_tool_calls: 5,
  identical_requests: 5,
  cycle: 3,
  window_seconds: 120,
  action: 'gate',
};

/** What is found after each of the calls, one second apart. */
function observeAll(signs: string, run = 'run_1', using = settings): readonly string[] {
  const loops = createLoopTracker();
  return signs.split('').map((sign, index) => {
    const found = loops.observeCall(using, run, sign, index * 1000);
    return found === null ? '-' : `${found.kind}:${found.count}/${found.length}`;
  });
}

describe('loops', () => {
  it('act on the fifth identical tool call and on every one after it', () => {
    expect(observeAll('aaaaaa')).toEqual(['-', '-', '-', '-', 'identical_tool_calls:5/1', 'identical_tool_calls:6/1']);
  });

  it('count identical calls with others between them', () => {
    expect(observeAll('a1a2a3a4a').at(-1)).toBe('identical_tool_calls:5/1');
  });

  it('act on the third time a sequence of calls comes round', () => {
    expect(observeAll('ababab')).toEqual(['-', '-', '-', '-', '-', 'cycle:3/2']);
    expect(observeAll('xyabcabcabc').at(-1)).toBe('cycle:3/3');
    expect(observeAll('abcabcabx').at(-1)).toBe('-');
    expect(observeAll('aabaabaab', 'run_1', { ...settings, identical_tool_calls: 50 }).at(-1)).toBe('cycle:3/3');
  });

  it('never call a sequence of one call a cycle', () => {
    expect(observeAll('aaaa').at(-1)).toBe('-');
  });

  it('forget what is older than the window', () => {
    const loops = createLoopTracker();
    for (let call = 0; call < 4; call += 1) loops.observeCall(settings, 'run_1', 'a', call);
    expect(loops.observeCall(settings, 'run_1', 'a', 119_999)).toMatchObject({ count: 5 });
    expect(loops.observeCall(settings, 'run_1', 'a', 120_002)).toBeNull();
  });

  it('keep runs apart, and requests apart from calls', () => {
    const loops = createLoopTracker();
    for (let call = 0; call < 4; call += 1) {
      expect(loops.observeCall(settings, 'run_1', 'a', call)).toBeNull();
      expect(loops.observeCall(settings, 'run_2', 'a', call)).toBeNull();
      expect(loops.observeRequest(settings, 'run_1', 'a', call)).toBeNull();
    }
    expect(loops.observeRequest(settings, 'run_1', 'a', 5)).toEqual({
      kind: 'identical_requests',
      count: 5,
      limit: 5,
      length: 1,
    });
    loops.forget('run_2');
    expect(loops.observeCall(settings, 'run_2', 'a', 6)).toBeNull();
  });

  it('know beforehand whether the next call could be acted on', () => {
    const loops = createLoopTracker();
    for (let call = 0; call < 3; call += 1) loops.observeCall(settings, 'run_1', 'a', call);
    expect(loops.couldTrip(settings, 'run_1', 3)).toBe(false);
    loops.observeCall(settings, 'run_1', 'a', 3);
    expect(loops.couldTrip(settings, 'run_1', 4)).toBe(true);
    expect(loops.couldTrip(settings, 'run_1', 200_000)).toBe(false);
    for (const sign of 'xyxyx') loops.observeCall(settings, 'run_3', sign, 5);
    expect(loops.couldTrip(settings, 'run_3', 6)).toBe(true);
  });

  it('forget the runs longest unused first', () => {
    const loops = createLoopTracker(1);
    for (let call = 0; call < 4; call += 1) loops.observeCall(settings, 'run_1', 'a', call);
    loops.observeCall(settings, 'run_2', 'a', 5);
    expect(loops.observeCall(settings, 'run_1', 'a', 6)).toBeNull();
  });

  it('tell long signatures apart', () => {
    const loops = createLoopTracker();
    const long = 'x'.repeat(10_000);
    for (let call = 0; call < 10; call += 1)
      expect(loops.observeCall(settings, 'run_1', `${long}${call}`, call)).toBeNull();
  });
});

describe('what makes tool calls identical', () => {
  it('is tool and arguments, not the order of keys, spaces or ids', () => {
    const one = callSignature(callOf('act', '{"a":1,"b":[1,2]}', { id: 'x' }));
    expect(callSignature(callOf('act', '{ "b": [1, 2], "a": 1 }', { id: 'y' }))).toBe(one);
    expect(callSignature(callOf('act', '{"a":1,"b":[2,1]}'))).not.toBe(one);
    expect(callSignature(callOf('other', '{"a":1,"b":[1,2]}'))).not.toBe(one);
    expect(callSignature(callOf('act', '{"a":9007199254740993}'))).not.toBe(
      callSignature(callOf('act', '{"a":9007199254740992}')),
    );
  });
});

describe('what a loop means', () => {
  it('only alerts when the policy has no loops key', () => {
    expect(loopSettings(policyOf('policy: p'))).toEqual({ ...settings, action: 'alert' });
    expect(loopSettings(policyOf('policy: p\nloops: { cycle: 4 }'))).toMatchObject({ cycle: 4, action: 'gate' });
  });

  it('is a decision like any other', () => {
    const decision = loopDecision(
      { kind: 'identical_tool_calls', count: 5, limit: 5, length: 1 },
      { ...settings, action: 'block' },
      'p@1',
    );
    expect(decision).toMatchObject({
      effect: 'block',
      stage: 'tool_call',
      rule: { name: 'loops.identical_tool_calls', message: 'The same tool call came 5 times within 120 s.' },
    });
  });
});
