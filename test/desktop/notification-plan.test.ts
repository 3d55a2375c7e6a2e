import { describe, expect, it } from 'vitest';
import { planNotification } from '../../electron/notification-plan.ts';
import type { NoticeRecord } from '../../proxy-core/contract/host.ts';

const notice = (over: Partial<NoticeRecord> = {}): NoticeRecord => ({
  notice_id: 'gate_1:0',
  kind: 'gate',
  gate_id: 'gate_1',
  action_hash: 'a'.repeat(64),
  title: 'bot: approve shell command?',
  body: 'npm publish',
  risk: 'normal',
  silent: false,
  ...over,
});

const buttons = (over: Partial<NoticeRecord>, platform: NodeJS.Platform) => {
  const { options, acts } = planNotification(notice(over), platform);
  return { labels: (options.actions ?? []).map(({ text }) => text), reply: options.hasReply === true, acts };
};

describe('a notification', () => {
  it('on Windows approves once, rejects, and rejects with a reason', () => {
    expect(buttons({}, 'win32')).toEqual({
      labels: ['Approve once', 'Reject'],
      reply: true,
      acts: ['approve', 'reject'],
    });
  });

  it('on macOS, where a reply leaves room for one button, rejects by its reply', () => {
    expect(buttons({}, 'darwin')).toEqual({ labels: ['Approve once'], reply: true, acts: ['approve'] });
  });

  it('B7: on Linux, where a body is markup, shows a model’s text as text', () => {
    const body = 'rm -rf / <a href="https://evil.test">&amp; ok</a>';
    expect(planNotification(notice({ body }), 'linux').options.body).toBe(
      'rm -rf / &lt;a href="https://evil.test"&gt;&amp;amp; ok&lt;/a&gt;',
    );
    for (const platform of ['win32', 'darwin'] as const)
      expect(planNotification(notice({ body }), platform).options.body).toBe(body);
  });

  it('on Linux has no buttons: a click opens the gate', () => {
    expect(buttons({}, 'linux')).toEqual({ labels: [], reply: false, acts: [] });
  });

  it.each(['win32', 'darwin'] as const)('of a critical action on %s is reviewed before it is approved', (platform) => {
    expect(buttons({ risk: 'critical' }, platform).acts[0]).toBe('review');
    expect(buttons({ risk: 'high' }, platform).acts[0]).toBe('approve');
  });

  it.each(['win32', 'darwin'] as const)(
    'E11: that does not show the whole action on %s approves nothing',
    (platform) => {
      expect(buttons({ action_hash: null }, platform).acts).not.toContain('approve');
    },
  );

  it.each(['win32', 'darwin'] as const)('that shows nothing of the action on %s decides nothing', (platform) => {
    expect(buttons({ action_hash: null, risk: null }, platform)).toEqual({ labels: [], reply: false, acts: [] });
    const summary = { kind: 'summary', gate_id: null, action_hash: null, risk: null } as const;
    expect(buttons(summary, platform)).toEqual({ labels: [], reply: false, acts: [] });
  });
});
