import { actOnNotification, type Driver, shownNotifications } from '../harness/driver.ts';
import type { NotificationRecord } from '../harness/electron/desk-record.ts';
import { expect, test } from './fixtures.ts';

/** The notification on the screen; there must come to be exactly one. */
async function onlyNotification(driver: Driver): Promise<NotificationRecord> {
  await expect.poll(async () => (await shownNotifications(driver)).length, { message: 'notifications shown' }).toBe(1);
  const [shown] = await shownNotifications(driver);
  if (shown === undefined) throw new Error('no notification is shown');
  return shown;
}

const windowOf = async (driver: Driver) => (await driver.desk()).windows[0];

test.describe('on Linux, where notifications have no buttons', () => {
  test('one says who asks for what; a click lands on that gate, focused', async ({ driver, page, openGate }) => {
    const first = await openGate({ args: { command: 'git push --force' } });
    const notification = await onlyNotification(driver);
    expect(notification).toMatchObject({ title: 'refactor-bot: approve shell command?', actions: [], hasReply: false });
    expect(notification.body).toContain('git push --force');
    await driver.closeWindow();
    expect(await windowOf(driver)).toMatchObject({ visible: false });
    await actOnNotification(driver, notification.id, { kind: 'click' });
    expect(await windowOf(driver)).toMatchObject({ visible: true, focused: true });
    await expect(page).toHaveURL(new RegExp(first.gate.gate_id));
    expect((await driver.desk()).opened).toEqual([]);
  });

  test('a gate that opens does not raise the window by itself', async ({ driver, openGate }) => {
    const before = await windowOf(driver);
    await openGate();
    await onlyNotification(driver);
    expect(await windowOf(driver)).toMatchObject({ raised: before?.raised });
  });

  test('a decision anywhere withdraws it', async ({ driver, target, openGate }) => {
    const { gate, expectResumed } = await openGate();
    await onlyNotification(driver);
    await target.call('gates.approve', { gate_id: gate.gate_id });
    await expectResumed();
    await expect.poll(() => shownNotifications(driver)).toEqual([]);
  });

  test('one that cannot be shown becomes a banner in the console', async ({ driver, page, openGate }) => {
    await openGate({ args: { command: 'make deploy' } });
    const { id } = await onlyNotification(driver);
    await actOnNotification(driver, id, { kind: 'fail', error: 'no notification daemon' });
    await expect(page.getByTestId('shell.notice')).toContainText('approve shell command?');
  });
});

test.describe('on Windows, where they have buttons and a reply', () => {
  test.use({ desktop: { platform: 'win32' } });

  test('Approve once lets the run go on, without the window', async ({ driver, target, openGate }) => {
    const { gate, expectResumed } = await openGate({ args: { command: 'ls -la' } });
    const before = await windowOf(driver);
    const { id, actions } = await onlyNotification(driver);
    expect(actions).toEqual(['Approve once', 'Reject']);
    await actOnNotification(driver, id, { kind: 'action', label: 'Approve once' });
    await expectResumed();
    const decided = (await target.call('gates.show', { gate_id: gate.gate_id })).gate;
    expect(decided).toMatchObject({ state: 'approved', channel: 'notification', decided_by: 'operator' });
    expect(await windowOf(driver)).toMatchObject({ raised: before?.raised });
  });

  test('Reject refuses it', async ({ driver, openGate }) => {
    const { expectRefused } = await openGate();
    const { id } = await onlyNotification(driver);
    await actOnNotification(driver, id, { kind: 'action', label: 'Reject' });
    await expectRefused('approval_rejected');
  });

  test('a reply is the reason of a rejection', async ({ driver, openGate }) => {
    const { answer } = await openGate();
    const { id } = await onlyNotification(driver);
    await actOnNotification(driver, id, { kind: 'reply', text: 'use the staging branch' });
    expect(await answer).toMatchObject({
      kind: 'refused',
      code: 'approval_rejected',
      context: { reason: 'use the staging branch' },
    });
  });

  test('of a critical action there is only Review and Reject', async ({ driver, page, openGate }) => {
    const { gate } = await openGate({ args: { command: 'sudo rm -rf /' } });
    const { id, actions } = await onlyNotification(driver);
    expect(actions).toEqual(['Review', 'Reject']);
    await actOnNotification(driver, id, { kind: 'action', label: 'Review' });
    await expect(page).toHaveURL(new RegExp(gate.gate_id));
  });

  test('an answer on a notification after the gate was decided changes nothing', async ({
    driver,
    target,
    openGate,
  }) => {
    const { gate, expectRefused } = await openGate();
    const { id } = await onlyNotification(driver);
    // The click is under way while somebody else decides.
    const rejected = target.call('gates.reject', { gate_id: gate.gate_id });
    await rejected;
    await actOnNotification(driver, id, { kind: 'action', label: 'Approve once' }).catch(() => undefined);
    await expectRefused('approval_rejected');
  });
});

test.describe('on macOS, where a reply leaves room for one button', () => {
  test.use({ desktop: { platform: 'darwin' } });

  test('the button approves and the reply rejects', async ({ driver, openGate }) => {
    const { expectResumed } = await openGate();
    const { id, actions, hasReply } = await onlyNotification(driver);
    expect({ actions, hasReply }).toEqual({ actions: ['Approve once'], hasReply: true });
    await actOnNotification(driver, id, { kind: 'action', label: 'Approve once' });
    await expectResumed();
  });
});
