import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanoUsd } from '../../proxy-core/contract/money.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import {
  admitInput,
  agentInput,
  NOON,
  OPERATOR,
  runStart,
  settleInput,
  type TemporaryHome,
  temporaryHome,
} from './fixture-store.ts';

let home: TemporaryHome;
let store: Store;

beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
});
afterEach(() => home.remove());

const auditKinds = (): readonly string[] => store.read.audit({ afterSeq: 0, limit: 100 }).map((record) => record.kind);

describe('a call', () => {
  it('starts its run, reserves on run, agent and team, and is open until it settles', async () => {
    const admitted = await store.write('admit', admitInput('xch_1')).committed;
    expect(admitted).toEqual({ kind: 'admitted', step: 1, remaining: null });
    expect(store.read.exchange('xch_1')).toMatchObject({ state: 'open', step: 1, reserved_nano: 100, cost_nano: null });
    for (const [scope, subject] of [
      ['run', 'run_1'],
      ['agent', 'agt_1'],
      ['team', 'home'],
    ] as const)
      expect(store.read.budget(scope, subject)).toMatchObject({ reserved_nano: 100, spent_nano: 0 });
    expect(store.read.agents()[0]?.last_seen_at).toBe(NOON);
  });

  it('charges its cost and returns the rest of its reservation when it settles', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const settled = await store.write('settle', settleInput('xch_1')).committed;
    expect(settled).toMatchObject({
      applied: true,
      run: {
        spent_nano: 60,
        reserved_nano: 0,
        exchanges: 1,
        input_tokens: 10,
        output_tokens: 5,
        models: ['claude-sonnet-4-5'],
      },
    });
    expect(store.read.exchange('xch_1')).toMatchObject({
      state: 'completed',
      status: 200,
      cost_nano: 60,
      estimated: false,
      usage: { input_tokens: 10, output_tokens: 5 },
      finish_reason: 'end_turn',
      ended_at: NOON + 1_000,
    });
    expect(store.read.budget('team', 'home')).toMatchObject({ reserved_nano: 0, spent_nano: 60 });
  });

  it('settles exactly once, however often and however concurrently it is settled', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const outcomes = await Promise.all(
      Array.from(
        { length: 10 },
        (_, n) => store.write('settle', settleInput('xch_1', { cost: nanoUsd(60 + n) })).committed,
      ),
    );
    expect(outcomes.map((outcome) => outcome.applied)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
    expect(store.read.run('run_1')?.spent_nano).toBe(60);
    expect(auditKinds().filter((kind) => kind === 'budget.settled')).toHaveLength(1);
  });

  it('that does not settle an exchange it never admitted is an error and changes nothing', async () => {
    await expect(store.write('settle', settleInput('xch_9')).committed).rejects.toThrow('no such exchange: xch_9');
    expect(store.read.budget('agent', 'agt_1')?.spent_nano).toBe(0);
  });

  it('is numbered as a step behind the tool results it brought, each counted once', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const toolCalls = [
      { callId: 'call_a', name: 'Bash', server: false, argsText: '{"command":"ls"}' },
      { callId: 'call_b', name: 'Read', server: false, argsText: '{}' },
      { callId: 'srv_1', name: 'web_search', server: true, argsText: '{}' },
    ];
    await store.write('settle', settleInput('xch_1', { toolCalls })).committed;
    expect(store.read.pendingToolCalls('run_1')).toEqual(['call_a', 'call_b']);

    const toolResults = [{ callId: 'call_a', isError: false }];
    const second = await store.write('admit', admitInput('xch_2', { toolResults })).committed;
    expect(second).toMatchObject({ step: 6 });
    const third = await store.write('admit', admitInput('xch_3', { toolResults, retryOf: 'xch_2' })).committed;
    expect(third).toMatchObject({ step: 7 });

    expect(store.read.pendingToolCalls('run_1')).toEqual(['call_b']);
    expect(store.read.steps('run_1', { limit: 20 }).map((step) => [step.step, step.kind])).toEqual([
      [1, 'model_call'],
      [2, 'tool_call'],
      [3, 'tool_call'],
      [4, 'tool_call'],
      [5, 'tool_result'],
      [6, 'model_call'],
      [7, 'retry'],
    ]);
    expect(store.read.run('run_1')).toMatchObject({ steps: 7, tool_calls: 3, exchanges: 3 });
  });

  it('shows its cost on its step, so that the steps of a run add up to its spend', async () => {
    for (const id of ['xch_1', 'xch_2', 'xch_3']) {
      await store.write('admit', admitInput(id)).committed;
      await store.write('settle', settleInput(id, { cost: nanoUsd(id.length * 7) })).committed;
    }
    const steps = store.read.steps('run_1', { limit: 20 });
    const sum = steps.reduce((total, step) => total + (step.cost_nano ?? 0), 0);
    expect(sum).toBe(store.read.run('run_1')?.spent_nano);
    expect(steps[0]?.detail).toMatchObject({
      state: 'completed',
      answered_model: 'claude-sonnet-4-5-20250929',
      estimated: false,
    });
  });

  it("under another agent's run id is not found, and nothing of it is recorded", async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    await store.write('saveAgent', agentInput({ agentId: 'agt_2', name: 'other' })).committed;
    const foreign = admitInput('xch_2', { agentId: 'agt_2', agentName: 'other' });
    expect(await store.write('admit', foreign).committed).toEqual({ kind: 'not_found' });
    expect(store.read.exchange('xch_2')).toBeNull();
    expect(store.read.budget('agent', 'agt_2')?.reserved_nano).toBe(0);
  });

  it('of an ended run is answered with the run’s end and recorded as refused, with nothing reserved', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    await store.write('settle', settleInput('xch_1')).committed;
    await store.write('endRun', { at: NOON, runId: 'run_1', state: 'stopped', by: OPERATOR }).committed;
    expect(await store.write('admit', admitInput('xch_2')).committed).toEqual({ kind: 'run_ended', state: 'stopped' });
    expect(store.read.exchange('xch_2')).toMatchObject({ state: 'refused', failure: 'run_stopped', status: 403 });
    expect(store.read.run('run_1')?.reserved_nano).toBe(0);
  });

  it('refused by policy is recorded with its step, its context and an audit record, and starts its run', async () => {
    const { reserve: _, toolResults: __, ...facts } = admitInput('xch_1');
    const refusal = { ...facts, failure: 'policy_blocked', status: 403, context: { rule: 'no-browser' } };
    expect(await store.write('refuse', refusal).committed).toEqual({ step: 1 });
    expect(store.read.exchanges('run_1')).toMatchObject([
      { exchange_id: 'xch_1', state: 'refused', failure: 'policy_blocked' },
    ]);
    expect(store.read.steps('run_1', { limit: 5 })).toMatchObject([
      { kind: 'refusal', detail: { rule: 'no-browser' } },
    ]);
    expect(auditKinds()).toContain('call.refused');
  });

  it('with a text that has no UTF-8 form is recorded, and the audit still verifies', async () => {
    const { reserve: _, toolResults: __, ...facts } = admitInput('xch_1', { model: 'lone-\ud800' });
    const context = { matched: 'tail-\udfff', nested: [{ 'key-\ud800': Number.POSITIVE_INFINITY }] };
    await store.write('refuse', { ...facts, failure: 'policy_blocked', status: 403, context }).committed;
    const [record] = store.read.audit({ afterSeq: 0, limit: 100 }).filter(({ kind }) => kind === 'call.refused');
    expect(record?.fields['context']).toMatchObject({
      value: { matched: 'tail-\ufffd', nested: [{ 'key-\ufffd': null }] },
    });
  });
});

describe('submissions', () => {
  it('run in order, and one that fails does not undo its neighbours in the same batch', async () => {
    const outcomes = await Promise.allSettled([
      store.write('admit', admitInput('xch_1')).committed,
      store.write('admit', admitInput('xch_1')).committed,
      store.write('settle', settleInput('xch_9')).committed,
      store.write('admit', admitInput('xch_2')).durable,
      store.write('settle', settleInput('xch_1')).durable,
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(store.read.run('run_1')).toMatchObject({ exchanges: 2, steps: 2, spent_nano: 60, reserved_nano: 100 });
  });

  it('are all durable, bodies included, when durable() resolves', async () => {
    void store.write('admit', admitInput('xch_1'));
    void store.write('storeRequest', { exchangeId: 'xch_1', body: Buffer.from('{"a":1}') });
    void store.write('storeResponse', { exchangeId: 'xch_1', body: Buffer.from('data: x\n\n') });
    await store.durable();
    expect(store.read.requestBody('xch_1')).toEqual(Buffer.from('{"a":1}'));
    expect(store.read.responseBody('xch_1')).toEqual(Buffer.from('data: x\n\n'));
  });

  it('keep the bytes a body had when it was submitted', async () => {
    const body = Buffer.from('before');
    void store.write('admit', admitInput('xch_1'));
    const stored = store.write('storeRequest', { exchangeId: 'xch_1', body }).committed;
    body.write('after!');
    await stored;
    expect(body.toString()).toBe('after!');
    expect(Buffer.from(store.read.requestBody('xch_1') ?? []).toString()).toBe('before');
  });

  it('after close are refused as closed, and what was submitted before has been written', async () => {
    const written = store.write('admit', admitInput('xch_1')).durable;
    await store.close();
    await expect(written).resolves.toMatchObject({ kind: 'admitted' });
    await expect(store.write('recover', { at: NOON }).committed).rejects.toMatchObject({
      trouble: { reason: 'closed' },
    });
    const again = await home.open();
    expect(again.read.exchange('xch_1')?.state).toBe('open');
  });

  it('with an amount beyond exact integers are refused and change nothing', async () => {
    const beyond = admitInput('xch_1', { at: 2 ** 53 });
    await expect(store.write('admit', beyond).committed).rejects.toThrow('not an exact integer');
    expect(store.read.run('run_1')).toBeNull();
  });
});

describe('a run', () => {
  it('is started once by name; a second start returns it unchanged', async () => {
    const start = runStart({ explicit: true, labels: { goal: 'tidy' }, cap: nanoUsd(500) });
    const input = { at: NOON, agentId: 'agt_1', agentName: 'bot', start, by: OPERATOR };
    expect(await store.write('startRun', input).committed).toMatchObject({
      created: true,
      run: { cap_nano: 500, explicit: true },
    });
    const second = { ...input, start: { ...start, cap: nanoUsd(9_000) } };
    expect(await store.write('startRun', second).committed).toMatchObject({
      created: false,
      run: { cap_nano: 500, labels: { goal: 'tidy' } },
    });
  });

  it('ends once; the first end stays', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const end = { at: NOON + 5, runId: 'run_1', by: OPERATOR };
    expect(await store.write('endRun', { ...end, state: 'completed' }).committed).toMatchObject({ changed: true });
    const again = await store.write('endRun', { ...end, at: NOON + 9, state: 'stopped' }).committed;
    expect(again).toMatchObject({ changed: false, run: { state: 'completed', ended_at: NOON + 5 } });
    expect(auditKinds().filter((kind) => kind.startsWith('run.'))).toEqual(['run.started', 'run.completed']);
  });

  it('keeps an artifact once per content and lists each version as a step', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const put = (artifactId: string, text: string, at: number) =>
      store.write('putArtifact', {
        at,
        artifactId,
        runId: 'run_1',
        name: 'report.md',
        contentType: 'text/markdown',
        body: Buffer.from(text),
        by: OPERATOR,
      }).committed;
    const first = await put('art_1', 'one', NOON);
    expect(first).toMatchObject({
      bytes: 3,
      sha256: '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',
    });
    expect((await put('art_2', 'one', NOON + 1)).artifact_id).toBe('art_1');
    expect((await put('art_3', 'two', NOON + 2)).artifact_id).toBe('art_3');
    expect(store.read.artifacts('run_1').map((artifact) => artifact.artifact_id)).toEqual(['art_1', 'art_3']);
    expect(store.read.artifactBody('art_3')).toEqual(Buffer.from('two'));
    expect(store.read.artifactBody('art_9')).toBeNull();
    expect(store.read.steps('run_1', { limit: 9 }).map((step) => step.kind)).toEqual([
      'model_call',
      'artifact',
      'artifact',
    ]);
  });

  it('takes other steps, audited only when asked', async () => {
    await store.write('admit', admitInput('xch_1')).committed;
    const alert = {
      at: NOON,
      runId: 'run_1',
      kind: 'alert',
      exchangeId: null,
      summary: '80 %',
      detail: { threshold: 0.8 },
    } as const;
    expect(await store.write('addStep', { ...alert, audit: null }).committed).toEqual({ step: 2 });
    const audit = { kind: 'budget.alert', by: OPERATOR };
    expect(await store.write('addStep', { ...alert, audit }).committed).toEqual({ step: 3 });
    expect(auditKinds().filter((kind) => kind === 'budget.alert')).toHaveLength(1);
    expect(store.read.steps('run_1', { afterStep: 1, limit: 1 })).toMatchObject([
      { step: 2, detail: { threshold: 0.8 } },
    ]);
  });
});

describe('an agent', () => {
  it('is updated by name and keeps its id', async () => {
    const updated = await store.write('saveAgent', agentInput({ agentId: 'agt_new', policy: 'strict', team: null }))
      .committed;
    expect(updated).toMatchObject({ agent_id: 'agt_1', policy: 'strict', team: null, created_at: NOON });
    expect(store.read.agents()).toHaveLength(1);
    expect(store.read.teams()).toEqual(['home']);
  });

  it('authenticates with its previous token until the overlap ends', async () => {
    let now = NOON;
    await store.close();
    store = await home.open({ clock: () => now });
    const token = { at: NOON, agentId: 'agt_1', tokenPrefix: 'rg_agt_abcd', by: OPERATOR };
    await store.write('setToken', { ...token, tokenHash: 'hash-1', previousUntil: NOON }).committed;
    await store.write('setToken', { ...token, tokenHash: 'hash-2', previousUntil: NOON + 60_000 }).committed;
    const hashes = () => store.read.tokens().map(({ tokenHash, validUntil }) => [tokenHash, validUntil]);
    expect(hashes()).toEqual([
      ['hash-2', null],
      ['hash-1', NOON + 60_000],
    ]);
    now = NOON + 60_000;
    expect(hashes()).toEqual([['hash-2', null]]);
  });

  it('is revoked with its tokens, once; its name is free for a new agent', async () => {
    const token = {
      at: NOON,
      agentId: 'agt_1',
      tokenHash: 'hash-1',
      tokenPrefix: 'rg_agt_abcd',
      previousUntil: NOON,
      by: OPERATOR,
    };
    await store.write('setToken', token).committed;
    for (const at of [NOON + 1, NOON + 2])
      expect(await store.write('revokeAgent', { at, agentId: 'agt_1', by: OPERATOR }).committed).toMatchObject({
        revoked_at: NOON + 1,
      });
    expect(store.read.tokens()).toEqual([]);
    await expect(store.write('setToken', { ...token, tokenHash: 'hash-2' }).committed).rejects.toThrow('revoked');
    expect(await store.write('saveAgent', agentInput({ agentId: 'agt_2' })).committed).toMatchObject({
      agent_id: 'agt_2',
      revoked_at: null,
    });
  });

  it("cannot be given another agent's token", async () => {
    await store.write('saveAgent', agentInput({ agentId: 'agt_2', name: 'other' })).committed;
    const token = { at: NOON, tokenHash: 'hash-1', tokenPrefix: 'rg_agt_abcd', previousUntil: NOON, by: OPERATOR };
    await store.write('setToken', { ...token, agentId: 'agt_1' }).committed;
    await expect(store.write('setToken', { ...token, agentId: 'agt_2' }).committed).rejects.toThrow('UNIQUE');
    expect(store.read.tokens().map(({ agentId }) => agentId)).toEqual(['agt_1']);
  });
});

describe('policies and settings', () => {
  it('give every new content a new version and the same content the same one', async () => {
    const save = (document: string) =>
      store.write('savePolicy', { at: NOON, name: 'p', document, note: 'why', by: OPERATOR }).committed;
    expect(await save('a')).toEqual({ name: 'p', version: 1, created: true });
    expect(await save('a')).toEqual({ name: 'p', version: 1, created: false });
    expect(await save('b')).toEqual({ name: 'p', version: 2, created: true });
    expect(await save('a')).toEqual({ name: 'p', version: 3, created: true });
    expect(store.read.policies().map(({ version, document }) => [version, document])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
    ]);
  });

  it('are read back as they were set, null before', async () => {
    expect(store.read.setting('paused')).toBeNull();
    await store.write('setSetting', { at: NOON, name: 'paused', value: { by: 'me' }, by: OPERATOR }).committed;
    await store.write('setSetting', { at: NOON, name: 'paused', value: true, by: OPERATOR }).committed;
    expect(store.read.setting('paused')).toBe(true);
  });
});
