import { describe, expect, it } from 'vitest';
import { createDriftTracker, driftKinds, driftOf, hostsOf } from '../../../proxy-core/policy/drift.ts';
import { DRIFT_KINDS } from '../../../proxy-core/policy/schema.ts';
import { callOf, decideCall, decideRequest, policyOf, requestOf, scriptOf } from './subjects.ts';

describe('drift', () => {
  it('takes the first tools, models and hosts of an agent for its habits and alerts on later ones once', () => {
    const drift = createDriftTracker([]);
    expect(drift.observe('agt_1', { tools: ['Bash', 'Read'], models: ['claude'] }, DRIFT_KINDS)).toEqual([]);
    expect(drift.observe('agt_1', { tools: ['Bash', 'Write', 'Write'], models: ['claude'] }, DRIFT_KINDS)).toEqual([
      { kind: 'tool', value: 'Write', why: 'first_seen' },
    ]);
    expect(drift.observe('agt_1', { tools: ['Write'] }, DRIFT_KINDS)).toEqual([]);
    expect(drift.observe('agt_1', { models: ['gpt-5'], hosts: ['x.io'] }, DRIFT_KINDS)).toEqual([
      { kind: 'model', value: 'gpt-5', why: 'first_seen' },
    ]);
    expect(drift.observe('agt_1', { hosts: ['y.io'] }, DRIFT_KINDS)).toMatchObject([{ kind: 'host', value: 'y.io' }]);
    expect(drift.observe('agt_2', { tools: ['Write'] }, DRIFT_KINDS)).toEqual([]);
  });

  it('learns what it does not alert on', () => {
    const drift = createDriftTracker([{ agentId: 'a', kind: 'tool', value: 'Bash' }]);
    expect(drift.observe('a', { tools: ['Write'] }, ['model'])).toEqual([]);
    expect(drift.observe('a', { tools: ['Write'] }, DRIFT_KINDS)).toEqual([]);
  });

  it('starts from what was seen before, and forgets an agent', () => {
    const drift = createDriftTracker([{ agentId: 'a', kind: 'tool', value: 'Bash' }]);
    expect(drift.observe('a', { tools: ['Write'] }, DRIFT_KINDS)).toHaveLength(1);
    drift.forget('a');
    expect(drift.observe('a', { tools: ['Edit'] }, DRIFT_KINDS)).toEqual([]);
  });

  it('stays bounded', () => {
    const drift = createDriftTracker([]);
    drift.observe('a', { tools: ['first'] }, DRIFT_KINDS);
    drift.observe('a', { tools: Array.from({ length: 1500 }, (_, index) => `t${index}`) }, DRIFT_KINDS);
    expect(drift.observe('a', { tools: ['first'] }, DRIFT_KINDS)).toHaveLength(1);
    expect(drift.observe('a', { tools: ['t1499'] }, DRIFT_KINDS)).toEqual([]);
  });

  it('sees an attempt outside a list', () => {
    const policy = policyOf(
      'policy: p\nmodels: { allow: [a] }\ntools: { block: [b] }\nrules: [{ rule: r, match: { tool: c }, action: block }]',
    );
    expect(driftOf(decideRequest(policy, requestOf({ model: 'z' })))).toEqual({
      kind: 'model',
      value: 'z',
      why: 'outside_allowlist',
    });
    expect(driftOf(decideCall(policy, callOf('b')))).toEqual({ kind: 'tool', value: 'b', why: 'outside_allowlist' });
    expect(driftOf(decideCall(policy, callOf('c')))).toBeNull();
  });

  it('knows the hosts of a call', () => {
    expect(hostsOf(callOf('WebFetch', { url: 'https://user:pw@API.Example.com:8443/a?b' }))).toEqual([
      'api.example.com',
    ]);
    expect(hostsOf(callOf('WebFetch', { url: 'http://[::1]:80/' }))).toEqual(['[::1]']);
    expect(
      hostsOf(scriptOf('tools.web_fetch({url: "https://a.io"}); tools.web_fetch({url: "https://a.io/x"})')),
    ).toEqual(['a.io']);
    expect(hostsOf(callOf('Bash', { command: 'ls' }))).toEqual([]);
    expect(hostsOf(callOf('WebFetch', { url: 'nonsense' }))).toEqual([]);
  });

  it('is alerted on in every kind unless the policy says otherwise', () => {
    expect(driftKinds(policyOf('policy: p').definition)).toEqual(['tool', 'model', 'host']);
    expect(driftKinds(policyOf('policy: p\ndrift: { alert_on: [] }').definition)).toEqual([]);
  });
});
