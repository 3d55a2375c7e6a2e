import { describe, expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from '../../../proxy-core/config/schema.ts';
import { EVENTS, type EventName, NOTICE_EVENTS, type PublishedEvent } from '../../../proxy-core/contract/events.ts';
import { eventIdOf } from '../../../proxy-core/notify/event-id.ts';
import { MAX_GATE_BYTES } from '../../../proxy-core/notify/gate-payload.ts';
import { isOutdated, type PreparedNotice, renderNotices } from '../../../proxy-core/notify/notice.ts';
import type { Payload } from '../../../proxy-core/notify/payload.ts';
import { isAnnounced, lastEventOf, type NoticeEvent } from '../../../proxy-core/notify/subject.ts';
import { AT, decided, desktop, EXAMPLES, event, gate, settings, sha256, webhook } from './announcements.ts';

function only(notices: readonly PreparedNotice[]): PreparedNotice {
  const [notice, ...others] = notices;
  if (notice === undefined || others.length > 0) throw new Error(`expected one notice, not ${notices.length}`);
  return notice;
}

const parse = (notice: PreparedNotice): Payload => JSON.parse(notice.payload) as Payload;
const payloadOf = (name: NoticeEvent, body: object = EXAMPLES[name]): Payload =>
  parse(only(renderNotices(event(name, body as never), settings(webhook('webhook://all'))).notices));

const idOf = (name: NoticeEvent, body: object = EXAMPLES[name], at = AT): string =>
  eventIdOf(event(name, body as never, at), sha256);
const toldOf = (name: NoticeEvent, channels: readonly string[], body: object = EXAMPLES[name]) => {
  const routes = channels.map((channel) => (channel === 'desktop://' ? desktop : webhook(channel, [])));
  return renderNotices(event(name, body as never), settings(...routes));
};

describe('the payload of each event', () => {
  const money = { spent_usd: 5.02, cap_usd: 5 };
  const run = { run_id: 'run_1', agent: 'bot' };
  const expected: { readonly [N in NoticeEvent]: object } = {
    'run.started': { ...run, policy: 'refunds@7', client: 'codex' },
    'run.completed': { ...run, spent_usd: 1.25 },
    'run.blocked': { ...run, reason: 'policy_blocked' },
    'approval.pending': { gate_id: 'gate_8xk2m', state: 'pending', decided_at: null },
    'approval.approved': { state: 'approved', decided_by: 'operator', effective_at: '2026-04-26T14:49:17.000Z' },
    'approval.rejected': { state: 'rejected', reason: 'Route to manager.', suggested_args: { amount_usd: 400 } },
    'approval.expired': { state: 'expired', expires_at: '2026-04-26T15:48:12.000Z' },
    'budget.alert': { scope: 'agent', subject: 'agt_1', threshold: 0.8, spent_usd: 4, cap_usd: 5, run_id: 'run_1' },
    'budget.exceeded': { run_id: 'run_1', scope: 'run', name: 'run_1', ...money, step_that_crossed: 41 },
    'policy.drift': { ...run, kind: 'host', value: 'example.net' },
    'policy.blocked': {
      ...run,
      policy: 'refunds@7',
      rule: 'no-browser',
      subject: 'browser_open',
      stage: 'response',
      message: 'No browsers.',
      matched: ['tool "browser_open" = "browser_open"'],
      exchange_id: 'xch_1',
      sent: 'a refusal (403)',
    },
    'loop.detected': { ...run, kind: 'identical_tool_calls', count: 5, action: 'gate' },
  };

  it.each(Object.keys(EVENTS) as EventName[])('%s is announced exactly if a webhook can ask for it', (name) => {
    const published = { seq: 1, at: AT, name, body: {} } as PublishedEvent;
    expect(isAnnounced(published)).toBe((WEBHOOK_EVENTS as readonly string[]).includes(name));
  });

  it('covers every event that a webhook can ask for', () => {
    expect([...NOTICE_EVENTS].sort()).toEqual([...WEBHOOK_EVENTS].sort());
  });

  it.each(NOTICE_EVENTS)('%s carries its name, its time and its facts', (name) => {
    const payload = payloadOf(name);
    expect(Object.keys(payload)).toEqual(['type', 'timestamp', 'data']);
    expect(payload).toMatchObject({ type: name, timestamp: '2026-04-26T14:48:12.000Z', data: expected[name] });
    if (!name.startsWith('approval.')) expect(payload.data).toEqual(expected[name]);
  });

  it.each(NOTICE_EVENTS)('%s has snake_case names and no amount in nano-USD', (name) => {
    const names = Object.keys(payloadOf(name).data);
    expect(names.filter((field) => !/^[a-z][a-z0-9_]*$/.test(field) || field.endsWith('_nano'))).toEqual([]);
  });
});

describe('the payload of a gate', () => {
  it('has what a reviewer needs: the action with its arguments, its hash, the rule and the link', () => {
    expect(payloadOf('approval.pending').data).toMatchObject({
      proposed_action: { tool: 'issue_refund', args: { order: 'ord_2H4p', amount_usd: 1240 } },
      proposed_actions: [{ tool: 'issue_refund', call_id: 'call_1', rule: 'refund:over-$500' }],
      action_hash: 'a'.repeat(64),
      rule: 'refund:over-$500',
      matched: [{ path: 'args.amount_usd', seen: '1240' }],
      approver_channel: 'webhook://oncall',
      expires_at: '2026-04-26T15:48:12.000Z',
      console_url: 'http://127.0.0.1:4142/#/gates/gate_8xk2m',
      truncated: false,
      secrets_masked: 0,
    });
  });

  it('proposes the first action that a rule gates', () => {
    const actions = [{ tool: 'note', args: {}, call_id: 'call_0', rule: null }, ...gate().proposed_actions];
    const { data } = payloadOf('approval.pending', { gate: gate({ proposed_actions: actions }) });
    expect(data).toMatchObject({ proposed_action: { tool: 'issue_refund' } });
  });

  it('C7: masks secrets in arguments and says how many', () => {
    const args = { command: 'curl -H "Authorization: Bearer canary-0123456789" x', password: 'hunter2', n: 1 };
    const proposed_actions = [{ tool: 'bash', args, call_id: null, rule: 'r' }];
    const payload = payloadOf('approval.pending', { gate: gate({ proposed_actions }) });
    expect(JSON.stringify(payload)).not.toMatch(/canary|hunter2/);
    // Each stands twice: in proposed_action and in proposed_actions.
    expect(payload.data).toMatchObject({ secrets_masked: 4, proposed_action: { args: { n: 1 } } });
  });

  const sized = (bytes: number, count = 1) =>
    gate({
      proposed_actions: Array.from({ length: count }, (_, index) => ({
        tool: `t${index}`,
        args: { text: 'é'.repeat(bytes / 2 / count) },
        call_id: null,
        rule: 'r',
      })),
    });

  it('E11: leaves arguments that do not fit to the console, and says so', () => {
    const { data } = payloadOf('approval.pending', { gate: sized(MAX_GATE_BYTES) });
    expect(data).toMatchObject({
      truncated: true,
      proposed_action: { tool: 't0', args: null },
      proposed_actions_total: 1,
      action_hash: 'a'.repeat(64),
      console_url: 'http://127.0.0.1:4142/#/gates/gate_8xk2m',
    });
    expect(data).not.toHaveProperty('matched');
  });

  it.each([1, 2, 1000])('never exceeds 64 KB, whatever the %d actions hold', (count) => {
    for (const bytes of [1000, 20_000, 32_000, 64_000, 2_000_000]) {
      const payload = JSON.stringify(payloadOf('approval.pending', { gate: sized(bytes, count) }).data);
      expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MAX_GATE_BYTES);
    }
  });

  it('never exceeds 64 KB, whatever the tools and calls are called', () => {
    const name = '\u0000'.repeat(5_000);
    const action = { tool: name, args: name, call_id: name, rule: '\u0000'.repeat(128) };
    const stored = decided('rejected', {
      proposed_actions: Array.from({ length: 500 }, () => action),
      reason: '\u0000'.repeat(2_000),
    });
    const { data } = payloadOf('approval.rejected', { gate: stored });
    expect(data).toMatchObject({ truncated: true, proposed_actions_total: 500 });
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(MAX_GATE_BYTES);
  });

  it('shows what fits whole', () => {
    const { data } = payloadOf('approval.pending', { gate: sized(20_000) });
    expect(data).toMatchObject({ truncated: false, proposed_action: { args: { text: 'é'.repeat(10_000) } } });
  });

  it('has no link where the console has no address', () => {
    const settingsWithout = { ...settings(webhook('webhook://all')), consoleUrl: null };
    const { notices } = renderNotices(event('approval.pending', { gate: gate() }), settingsWithout);
    expect(parse(only(notices)).data['console_url']).toBeNull();
  });
});

describe('who is told', () => {
  const channelsOf = (name: NoticeEvent, events: readonly string[]) =>
    renderNotices(event(name, EXAMPLES[name] as never), settings(webhook('webhook://x', events))).notices.length;

  it.each([
    ['run.started', ['*'], 1],
    ['run.started', ['run.*'], 1],
    ['run.started', ['run.started'], 1],
    ['run.started', ['approval.*', 'run.completed'], 0],
    ['run.started', [], 0],
    ['budget.alert', ['budget.exceeded', 'budget.*'], 1],
  ] as const)('%s goes to a webhook that asks for %j: %d', (name, events, count) => {
    expect(channelsOf(name, events)).toBe(count);
  });

  it.each(['approval.pending', 'approval.approved', 'approval.rejected', 'approval.expired'] as const)(
    '%s goes to the channels of its gate whatever they ask for',
    (name) => {
      const { notices, unknownChannels } = toldOf(name, ['webhook://oncall', 'webhook://other']);
      expect(notices.map(({ channel }) => channel)).toEqual(['webhook://oncall']);
      expect(unknownChannels).toEqual([]);
    },
  );

  it('tells a channel once although the gate names it and it asks for the event', () => {
    const { notices } = renderNotices(
      event('approval.pending', EXAMPLES['approval.pending']),
      settings(webhook('webhook://oncall', ['*', 'approval.*'])),
    );
    expect(notices).toHaveLength(1);
  });

  it('names channels of the gate that nobody has configured, but not a missing desktop', () => {
    const body = { gate: gate({ approver_channels: ['desktop://', 'slack://#ops', 'webhook://gone'] }) };
    expect(toldOf('approval.pending', ['webhook://oncall'], body)).toEqual({
      notices: [],
      unknownChannels: ['slack://#ops', 'webhook://gone'],
    });
  });

  it('asks the desktop about waiting gates only', () => {
    const channels = { approver_channels: ['desktop://'] };
    const pending = toldOf('approval.pending', ['desktop://'], { gate: gate(channels) });
    expect(only(pending.notices).channel).toBe('desktop://');
    expect(toldOf('approval.approved', ['desktop://'], { gate: decided('approved', channels) }).notices).toEqual([]);
  });

  it('holds a verdict back until it takes effect', () => {
    const dueAt = (body: object) => only(toldOf('approval.approved', ['webhook://oncall'], body).notices).dueAt;
    expect(dueAt({ gate: decided('approved') })).toBe(AT + 65_000);
    expect(dueAt({ gate: decided('approved', { effective_at: AT - 1 }) })).toBe(AT);
  });
});

describe('the id of an event', () => {
  it.each(NOTICE_EVENTS)(
    'of %s is the same when it is announced again, and another for another run or gate',
    (name) => {
      expect(idOf(name)).toMatch(/^evt_[0-9a-f]{32}$/);
      expect(idOf(name)).toBe(idOf(name));
      const body = EXAMPLES[name];
      const other =
        'gate' in body ? { gate: { ...body.gate, gate_id: 'gate_other' } } : { ...body, run_id: 'run_2', subject: 's' };
      expect(idOf(name, other)).not.toBe(idOf(name));
    },
  );

  it('differs between events', () => {
    expect(new Set(NOTICE_EVENTS.map((name) => idOf(name))).size).toBe(NOTICE_EVENTS.length);
  });

  it.each(['approval.pending', 'approval.approved', 'approval.rejected', 'approval.expired'] as const)(
    'of %s does not depend on when it is announced, nor on retries meanwhile',
    (name) => {
      const { gate: before } = EXAMPLES[name];
      expect(idOf(name, { gate: { ...before, retries: 7, last_retry_at: AT } }, AT + 86_400_000)).toBe(idOf(name));
    },
  );

  it('is another when a verdict is given again after it was taken back', () => {
    const again = { gate: decided('approved', { decided_at: AT + 70_000 }) };
    expect(idOf('approval.approved', again)).not.toBe(idOf('approval.approved'));
  });

  it('is the same when a waiting gate is extended, another when it is asked again after an unknown outcome', () => {
    expect(idOf('approval.pending', { gate: gate({ expires_at: AT + 9_999_999 }) })).toBe(idOf('approval.pending'));
    expect(idOf('approval.pending', { gate: gate({ outcome_unknown: true }) })).not.toBe(idOf('approval.pending'));
  });

  it.each(['run.blocked', 'policy.blocked', 'loop.detected'] as const)(
    'of %s is one per minute, so that an agent that keeps trying floods nobody',
    (name) => {
      const minute = Math.floor(AT / 60_000) * 60_000;
      expect(idOf(name, EXAMPLES[name], minute)).toBe(idOf(name, { ...EXAMPLES[name], count: 99 }, minute + 59_999));
      expect(idOf(name, EXAMPLES[name], minute)).not.toBe(idOf(name, EXAMPLES[name], minute + 60_000));
    },
  );

  it.each([{ cap_nano: 9_000_000_000 }, { step_that_crossed: 50 }])('of a crossing is another after %j', (change) => {
    expect(idOf('budget.exceeded', { ...EXAMPLES['budget.exceeded'], ...change })).not.toBe(idOf('budget.exceeded'));
  });
});

describe('a notice that waits', () => {
  const outdated = (name: NoticeEvent, kind: 'webhook' | 'desktop', now: Parameters<typeof isOutdated>[1]) =>
    isOutdated({ eventId: idOf(name), event: name, kind }, now, sha256);

  it('of a verdict is outdated once that was taken back or given anew', () => {
    expect(outdated('approval.approved', 'webhook', decided('approved'))).toBe(false);
    expect(outdated('approval.approved', 'webhook', gate())).toBe(true);
    expect(outdated('approval.approved', 'webhook', decided('rejected'))).toBe(true);
    expect(outdated('approval.approved', 'webhook', decided('approved', { decided_at: AT + 1 }))).toBe(true);
    expect(outdated('approval.rejected', 'webhook', null)).toBe(true);
  });

  it('of a waiting gate is outdated for the desktop once the gate is decided, never for a webhook', () => {
    for (const now of [decided('approved'), gate({ state: 'expired' }), gate({ state: 'cancelled' })]) {
      expect(outdated('approval.pending', 'desktop', now)).toBe(true);
      expect(outdated('approval.pending', 'webhook', now)).toBe(false);
    }
    expect(outdated('approval.pending', 'desktop', gate({ expires_at: AT + 9 }))).toBe(false);
  });

  it('of anything else is never outdated', () => {
    expect(outdated('approval.expired', 'webhook', gate())).toBe(false);
    expect(outdated('run.completed', 'webhook', null)).toBe(false);
  });
});

describe('what a stored gate stands for', () => {
  it.each([
    [gate(), 'approval.pending', AT],
    [decided('approved'), 'approval.approved', AT + 60_000],
    [decided('rejected'), 'approval.rejected', AT + 60_000],
    [gate({ state: 'expired' }), 'approval.expired', AT + 3_600_000],
  ] as const)('%o', (stored, name, at) => {
    expect(lastEventOf(stored)).toMatchObject({ name, at, body: { gate: stored } });
  });

  it('is nothing once it was cancelled', () => {
    expect(lastEventOf(gate({ state: 'cancelled' }))).toBeNull();
  });
});
