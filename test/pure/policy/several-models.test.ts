import { describe, expect, it } from 'vitest';
import { renderMatched, renderReason } from '../../../proxy-core/policy/explain.ts';
import { callOf, decideCall, decideRequest, policyOf, requestOf, ruleOn } from './subjects.ts';

const leading = (model: string | null, ...furtherModels: string[]) => requestOf({ model, furtherModels });
const unnamed = (model: string | null) => requestOf({ model, unnamedModels: true });
const listed = (...allow: string[]) => policyOf(JSON.stringify({ policy: 'p', models: { allow }, rules: [] }));

describe('a list of models', () => {
  const policy = listed('claude-*', 'gpt-5');

  it('holds for every model that a request may lead to, and names the one that it does not', () => {
    expect(decideRequest(policy, leading('gpt-5', 'claude-opus-4-8')).effect).toBe('allow');
    const refused = decideRequest(policy, leading('gpt-5', 'claude-opus-4-8', 'grok-4'));
    expect(refused).toMatchObject({ effect: 'block', rule: { name: 'models.allow' } });
    expect(renderReason(refused)).toContain('grok-4');
    expect(renderMatched(refused)).toEqual(['model grok-4 not in ["claude-*","gpt-5"]']);
  });

  it('holds where only further models are named', () => {
    expect(decideRequest(policy, leading(null, 'gpt-5')).effect).toBe('allow');
    expect(decideRequest(policy, leading(null, 'gpt-5', 'grok-4')).effect).toBe('block');
    expect(decideRequest(policy, leading(null)).effect).toBe('block');
  });

  it('refuses what may lead to models that are not named, unless it holds all', () => {
    expect(decideRequest(policy, unnamed('gpt-5')).effect).toBe('block');
    expect(renderMatched(decideRequest(policy, unnamed('gpt-5'))).join()).toContain('does not name');
    expect(decideRequest(listed('*'), unnamed('gpt-5')).effect).toBe('allow');
  });
});

describe('a rule over the model', () => {
  it.each(['gate', 'block'])('of effect %s counts as soon as one of the models matches', (action) => {
    for (const match of [{ model: 'grok-4' }, { model: { $regex: '^grok' } }, { model: { $in: ['x', 'grok-4'] } }]) {
      const policy = ruleOn(match, action);
      expect(decideRequest(policy, leading('gpt-5', 'grok-4')).effect).toBe(action);
      expect(decideRequest(policy, leading('gpt-5', 'gpt-4')).effect).toBe('allow');
      expect(decideRequest(policy, unnamed('gpt-5')).effect).toBe(action);
    }
  });

  it('of effect allow exempts only if all of them match', () => {
    const policy = policyOf(
      JSON.stringify({
        policy: 'p',
        rules: [
          { rule: 'ours', match: { model: { $regex: '^gpt' } }, action: 'allow' },
          { rule: 'rest', match: { stream: true }, action: 'gate' },
        ],
      }),
    );
    expect(decideRequest(policy, leading('gpt-5', 'gpt-4')).effect).toBe('allow');
    expect(decideRequest(policy, leading('gpt-5', 'grok-4')).effect).toBe('gate');
    expect(decideRequest(policy, unnamed('gpt-5')).effect).toBe('gate');
  });

  it('counts for the calls of the answer, whichever model wrote them', () => {
    const policy = ruleOn({ tool: 'deploy', model: 'grok-4' }, 'block');
    expect(decideCall(policy, callOf('deploy'), leading('gpt-5', 'grok-4')).effect).toBe('block');
    expect(decideCall(policy, callOf('deploy'), leading('gpt-5', 'gpt-4')).effect).toBe('allow');
    const pinned = ruleOn({ model: 'grok-4', args_bytes: { $gt: 1 } }, 'block');
    expect(decideCall(pinned, callOf('deploy', { a: 1 }), leading('gpt-5', 'grok-4')).effect).toBe('block');
    expect(decideCall(pinned, callOf('deploy', { a: 1 }), unnamed('gpt-5')).effect).toBe('block');
  });
});
