import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from '../../../proxy-core/config/nearest.ts';

const KEYS = ['providers', 'policies', 'prices', 'agents', 'agent_port', 'id'];

describe('nearest', () => {
  it.each([
    ['provider', 'providers'],
    ['agnets', 'agents'],
    ['agentport', 'agent_port'],
    ['Prices', 'prices'],
    ['polices', 'policies'],
  ])('finds for %s what was meant', (typed, meant) => {
    expect(nearest(typed, KEYS)).toBe(meant);
  });

  it.each(['banana', 'xyz', '', 'x'.repeat(5000)])('finds nothing for a foreign word', (typed) => {
    expect(nearest(typed, KEYS)).toBeNull();
  });

  it('is said as a question', () => {
    expect(suggestion('agens', KEYS)).toBe('; did you mean `agents`?');
    expect(suggestion('banana', KEYS)).toBe('');
  });
});
