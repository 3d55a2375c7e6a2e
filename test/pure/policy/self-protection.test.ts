import { describe, expect, it } from 'vitest';
import { USUAL_PLACES } from '../../../proxy-core/policy/own-places.ts';
import { readScriptCommands } from '../../../proxy-core/policy/script-reading.ts';
import { STARTER_POLICY } from '../../../proxy-core/policy/starter.ts';
import { touchesOf } from '../../../proxy-core/policy/touches.ts';
import { AGENT_CHANGES, HOSTILE_REACHES } from './hostile-reaches.ts';
import { INNOCENT_MENTIONS } from './innocent-mentions.ts';
import { callOf, decideCall, policyOf, requestOf, ruleOn } from './subjects.ts';

const starter = policyOf(STARTER_POLICY);
const request = requestOf({ own: { ...USUAL_PLACES, home: '/srv/governor', pid: 4711 } });

describe('self-protection of the starter policy', () => {
  it.each(HOSTILE_REACHES)('blocks %s', (_, call) => {
    const { effect, rule } = decideCall(starter, call, request);
    expect(`${effect} ${rule?.name}`).toMatch(/^block rungate:(operator|base-url)$/);
  });

  it.each(AGENT_CHANGES)('asks about %s', (_, call) => {
    expect(decideCall(starter, call, request).effect).toBe('gate');
  });

  it.each(INNOCENT_MENTIONS)('lets %s pass', (_, call) => {
    const { effect, rule } = decideCall(starter, call, request);
    expect(rule === null ? effect : `${effect} ${rule.name}`).toBe('allow');
  });

  it('is tried on at least a hundred hostile and sixty innocent calls', () => {
    expect(HOSTILE_REACHES.length).toBeGreaterThanOrEqual(100);
    expect(INNOCENT_MENTIONS.length).toBeGreaterThanOrEqual(60);
  });

  it('follows the ports in use', () => {
    const moved = requestOf({ own: { ...USUAL_PLACES, consolePorts: [5000] } });
    const call = callOf('Bash', { command: 'curl http://localhost:5000/api' });
    expect(decideCall(starter, call, moved).rule?.name).toBe('rungate:operator');
    expect(decideCall(starter, call).effect).toBe('allow');
  });

  it('asks about a command of more words than are looked at', () => {
    const command = `true ${'a '.repeat(9_000)}; ls`;
    const touched = touchesOf('shell', { kind: 'parsed', value: command }, command, USUAL_PLACES);
    expect(touched).toEqual(['unread']);
  });

  it('keeps to its bounds, whatever is repeated', () => {
    const pieces = ['env a=b sudo -u x ', 'ls | ', '> a ', '{a,b}/{c,d}/{e,f} ', 'A=$A$A;', '~/*/*/* ', '`', '"$('];
    for (const piece of pieces) {
      const { commands } = readScriptCommands(piece.repeat(64_000 / piece.length));
      const words = commands.reduce((sum, one) => sum + one.words.length + one.writes.length, 0);
      expect(commands.length, piece).toBeLessThanOrEqual(512);
      expect(words, piece).toBeLessThanOrEqual(20_000);
    }
  });

  it('names what a call touches in its explanation', () => {
    const policy = ruleOn({ 'action.touches': { $contains: 'rungate_home' } });
    const { explanation } = decideCall(policy, callOf('Read', { file_path: '~/.local/share/rungate/keys' }));
    expect(explanation[0]?.seen).toBe('["rungate_home"]');
  });

  it('refuses a policy that names something nothing can touch', () => {
    expect(() => ruleOn({ 'action.touches': { $contains: 'rungate_hom' } })).toThrow(/did you mean rungate_home/);
  });
});
