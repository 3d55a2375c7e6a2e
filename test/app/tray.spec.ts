import { answerDialog, chooseFromTray, type Driver } from '../harness/driver.ts';
import type { MenuRecord } from '../harness/electron/desk-record.ts';
import { expect, test } from './fixtures.ts';

const labelsOf = (menu: readonly MenuRecord[] | null | undefined): readonly string[] =>
  (menu ?? []).filter(({ type }) => type !== 'separator').map(({ label }) => label);

const trayOf = async (driver: Driver) => (await driver.desk()).trays[0];

test('the tray says how things stand and what waits', async ({ driver, target, openGate }) => {
  const address = new URL(target.agentUrl).host;
  expect(labelsOf((await trayOf(driver))?.menu)).toEqual([
    `Running · ${address}`,
    'Nothing waiting',
    'Pause all agents',
    'Quiet for 1 h',
    'Copy base URL',
    'Open Rungate',
    'Quit',
  ]);
  for (const command of ['make a', 'make b', 'make c', 'make d']) await openGate({ args: { command } });
  await expect.poll(async () => labelsOf((await trayOf(driver))?.menu)[1]).toBe('4 waiting');
  const waiting = (await trayOf(driver))?.menu?.[1];
  expect(labelsOf(waiting?.submenu)).toHaveLength(4);
  for (const label of labelsOf(waiting?.submenu).slice(0, 3)) expect(label).toMatch(/^Review refactor-bot: /);
  expect((await trayOf(driver))?.tooltip).toContain('4 waiting');
});

test('the badge counts what waits', async ({ driver, target, openGate }) => {
  const { gate } = await openGate({ args: { command: 'make a' } });
  await openGate({ args: { command: 'make b' } });
  await expect.poll(async () => (await driver.desk()).badge).toBe(2);
  await target.call('gates.reject', { gate_id: gate.gate_id });
  await expect.poll(async () => (await driver.desk()).badge).toBe(1);
});

test.describe('on Windows', () => {
  test.use({ desktop: { platform: 'win32' } });

  test('the badge is an icon over the taskbar’s', async ({ driver, openGate }) => {
    await openGate();
    await expect.poll(async () => (await driver.desk()).windows[0]?.overlay).toBe('1 waiting');
  });
});

test('Review opens that gate', async ({ driver, page, openGate }) => {
  const { gate } = await openGate();
  await expect.poll(async () => labelsOf((await trayOf(driver))?.menu)[1]).toBe('1 waiting');
  const [review = ''] = labelsOf((await trayOf(driver))?.menu?.[1]?.submenu);
  await driver.closeWindow();
  await chooseFromTray(driver, '1 waiting', review);
  await expect(page).toHaveURL(new RegExp(gate.gate_id));
  expect((await driver.desk()).windows[0]).toMatchObject({ visible: true, focused: true });
});

test('pausing is one click, resuming asks', async ({ driver, target, page, agent }) => {
  await chooseFromTray(driver, 'Pause all agents');
  await expect(page.getByTestId('shell.paused')).toBeVisible();
  const refused = await fetch(`${agent.agentUrl}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${agent.token}` },
    body: JSON.stringify({ model: 'claude-opus-4-8', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }),
  });
  expect(refused.status).toBe(503);
  await expect.poll(async () => labelsOf((await trayOf(driver))?.menu)).toContain('Resume all agents…');
  await chooseFromTray(driver, 'Resume all agents…');
  await expect.poll(async () => (await driver.desk()).dialogs[0]?.message).toBe('Resume all agents?');
  expect(await target.call('core.status', {})).toMatchObject({ paused: true });
  await answerDialog(driver, { button: 'Cancel' });
  expect(await target.call('core.status', {})).toMatchObject({ paused: true });
  await chooseFromTray(driver, 'Resume all agents…');
  await expect.poll(async () => (await driver.desk()).dialogs.length).toBe(1);
  await answerDialog(driver, { button: 'Resume' });
  await expect(page.getByTestId('shell.paused')).toBeHidden();
});

test('quiet for an hour makes notifications silent; the count goes on', async ({ driver, openGate }) => {
  await chooseFromTray(driver, 'Quiet for 1 h');
  await expect.poll(async () => labelsOf((await trayOf(driver))?.menu)).toContain('End quiet time');
  await openGate();
  await expect.poll(async () => (await driver.desk()).badge).toBe(1);
  for (const { silent } of (await driver.desk()).notifications) expect(silent).toBe(true);
});

test('Copy base URL puts the agents’ address on the clipboard', async ({ driver, target }) => {
  await chooseFromTray(driver, 'Copy base URL');
  await expect.poll(async () => (await driver.desk()).clipboard).toBe(target.agentUrl);
});
