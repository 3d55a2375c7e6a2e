import { describe, expect, it, onTestFinished } from 'vitest';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import { DEFAULT_PREFERENCES, type NoticeRecord, type Preferences } from '../../proxy-core/contract/host.ts';
import { readAudit } from '../harness/audit-records.ts';
import { addRefundAgent, askRefund, openRefundGate } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function startCore(notifications: Partial<Preferences['notifications']> = {}) {
  const rungate = await startTestRungate({ limits: { undoMs: 5000 } });
  onTestFinished(() => rungate.close());
  await prefer(rungate, notifications);
  return { rungate, token: await addRefundAgent(rungate) };
}

const prefer = (rungate: TestRungate, notifications: Partial<Preferences['notifications']>) =>
  rungate.call('preferences.set', {
    preferences: {
      ...DEFAULT_PREFERENCES,
      notifications: { ...DEFAULT_PREFERENCES.notifications, ...notifications },
    },
  });

const noticeOf = (event: PublishedEvent): NoticeRecord => (event as PublishedEvent<'notice.shown'>).body.notice;

const shown = async (
  rungate: TestRungate,
  matches: (notice: NoticeRecord) => boolean = () => true,
): Promise<NoticeRecord> => noticeOf(await rungate.event('notice.shown', (event) => matches(noticeOf(event))));

const about = (gateId: string) => (event: PublishedEvent) => 'gate_id' in event.body && event.body.gate_id === gateId;

/** Time passes, and the core is told to look at the clock, as after a sleep. */
async function pass(rungate: TestRungate, ms: number): Promise<void> {
  rungate.advance(ms);
  await rungate.core.clockChanged();
}

describe('a gate', () => {
  it('is told of once it waits, after the event that opened it', async () => {
    const { rungate, token } = await startCore();
    const gateId = await openRefundGate(rungate, token);
    const notice = await shown(rungate);
    expect(notice).toMatchObject({ kind: 'gate', gate_id: gateId, risk: 'normal', silent: false });
    expect(notice.title).toBe('refund-bot: approve issue_refund?');
    expect(notice.body).toMatch(
      /^\{"order":"ord_1","amount_usd":1240\}\nrule refund:over-\$500 · \$0\.\d+ so far · expires in 60 min$/,
    );
    const names = rungate.events.map(({ name }) => name);
    expect(names.indexOf('approval.pending')).toBeLessThan(names.indexOf('notice.shown'));
  });

  it('can be approved by the hash on its notice, and the notice is withdrawn', async () => {
    const { rungate, token } = await startCore();
    const gateId = await openRefundGate(rungate, token);
    const { action_hash } = await shown(rungate);
    const by = { actor: 'operator', channel: 'notification' };
    const reply = await rungate.core.call('gates.approve', { gate_id: gateId, action_hash }, by);
    expect(reply).toMatchObject({ ok: true, value: { gate: { state: 'approved', channel: 'notification' } } });
    await rungate.event('notice.withdrawn', about(gateId));
  });

  it('that was approved by a notification can be taken back for as long as one approved in the window', async () => {
    const { rungate, token } = await startCore();
    const gateId = await openRefundGate(rungate, token);
    const by = { actor: 'operator', channel: 'notification' };
    await rungate.core.call('gates.approve', { gate_id: gateId }, by);
    expect((await askRefund(rungate, token)).status).toBe(202);
    const undone = await rungate.core.call('gates.undo', { gate_id: gateId }, by);
    expect(undone).toMatchObject({ ok: true, value: { gate: { state: 'pending' } } });
  });

  it('is reminded of at half of its life', async () => {
    const { rungate, token } = await startCore();
    const gateId = await openRefundGate(rungate, token);
    const first = await shown(rungate);
    await pass(rungate, 30 * MINUTE);
    const reminder = await shown(rungate, ({ kind }) => kind === 'reminder');
    expect(reminder).toMatchObject({ gate_id: gateId, body: expect.stringContaining('expires in 30 min') });
    expect(rungate.events).toContainEqual(
      expect.objectContaining({ name: 'notice.withdrawn', body: { notice_id: first.notice_id, gate_id: gateId } }),
    );
  });

  it('is told of again after a restart, for the screen is empty then', async () => {
    const { rungate, token } = await startCore();
    const gateId = await openRefundGate(rungate, token);
    await shown(rungate);
    const again = await rungate.restart();
    onTestFinished(() => again.close());
    await again.core.clockChanged();
    // It was shown before anybody could subscribe here; only what is on the screen can be reported.
    await again.call('notices.report', { notice_id: `${gateId}:0`, outcome: 'failed' });
    expect(await again.event('notice.failed')).toMatchObject({ body: { notice: { kind: 'gate', gate_id: gateId } } });
  });

  it('is not told of where its approvers are elsewhere', async () => {
    const { rungate } = await startCore();
    await rungate.call('policies.apply', {
      document:
        'policy: elsewhere\nrules:\n  - { rule: r, match: { tool: issue_refund }, action: gate, approver_channel: "webhook://oncall" }\n',
      file_name: 'elsewhere.yaml',
      note: 'elsewhere',
    });
    const token = await rungate.addAgent('other', { policy: 'elsewhere', delivery: 'retry' });
    await openRefundGate(rungate, token);
    await rungate.call('channels.test', { name: 'desktop://' });
    expect(await shown(rungate)).toMatchObject({ kind: 'test' });
  });
});

describe('the desktop channel', () => {
  it('is always there, and shows a test', async () => {
    const { rungate } = await startCore();
    expect((await rungate.call('channels.list', {})).channels).toMatchObject([{ channel: 'desktop://' }]);
    expect(await rungate.call('channels.test', { name: 'desktop://' })).toMatchObject({ delivered: true });
    expect(await shown(rungate)).toMatchObject({ kind: 'test', gate_id: null, action_hash: null });
  });
});

describe('a notice that could not be shown', () => {
  it('is announced with why, without the secrets and controls in it', async () => {
    const { rungate } = await startCore();
    await rungate.call('channels.test', { name: 'desktop' });
    const notice = await shown(rungate);
    const detail = 'denied\u202e: sk-ant-canary0123456789abcdef';
    await rungate.call('notices.report', { notice_id: notice.notice_id, outcome: 'failed', detail });
    const { body } = await rungate.event('notice.failed');
    expect(body).toEqual({ notice, detail: 'denied\\u{202e}: [masked]' });
  });

  it.each(['shown', 'dismissed'] as const)('is not what a report of %s says', async (outcome) => {
    const { rungate } = await startCore();
    await rungate.call('channels.test', { name: 'desktop' });
    const { notice_id } = await shown(rungate);
    await rungate.call('notices.report', { notice_id, outcome });
    await rungate.call('notices.report', { notice_id: 'unknown', outcome: 'failed' });
    expect(rungate.events.filter(({ name }) => name === 'notice.failed')).toEqual([]);
  });
});

describe('quiet hours that pause the expiry', () => {
  it('let a gate expire later by their length, which the audit records', async () => {
    const { rungate, token } = await startCore({ pause_expiry_in_quiet_hours: true });
    const gateId = await openRefundGate(rungate, token);
    const before = (await rungate.call('gates.show', { gate_id: gateId })).gate.expires_at;
    const quiet_until = rungate.now() + 2 * HOUR;
    await prefer(rungate, { pause_expiry_in_quiet_hours: true, quiet_until });
    const { body } = await rungate.event('approval.changed');
    const { expires_at } = (body as PublishedEvent<'approval.changed'>['body']).gate;
    expect(Math.abs(expires_at - before - 2 * HOUR)).toBeLessThan(MINUTE);
    await pass(rungate, HOUR);
    await prefer(rungate, { pause_expiry_in_quiet_hours: true, quiet_until });
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.expires_at).toBe(expires_at);
    await rungate.core.close();
    expect(readAudit(rungate.home).filter(({ kind }) => kind === 'gate.extended')).toEqual([
      expect.objectContaining({ actor: 'system', channel: 'quiet-hours' }),
    ]);
  });

  it('leave the expiry alone where nobody wants that', async () => {
    const { rungate, token } = await startCore({ quiet_until: Date.now() + HOUR });
    const gateId = await openRefundGate(rungate, token);
    expect(await shown(rungate)).toMatchObject({ gate_id: gateId, silent: true });
    expect(rungate.events.filter(({ name }) => name === 'approval.changed')).toEqual([]);
  });
});

describe('what a host turns away', () => {
  it('is recorded in the audit', async () => {
    const { rungate } = await startCore();
    await rungate.core.recordRefusal('ipc_refused', {
      reason: 'its page is not the console',
      origin: 'https://evil.test',
    });
    await rungate.core.close();
    expect(readAudit(rungate.home)).toContainEqual(
      expect.objectContaining({
        kind: 'host.ipc_refused',
        actor: 'system',
        fields: { reason: 'its page is not the console', origin: 'https://evil.test' },
      }),
    );
  });
});
