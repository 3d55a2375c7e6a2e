import { expect, test } from './fixtures.ts';

test.describe('the console', () => {
  for (const sdk of ['openai', 'anthropic'] as const) {
    test(`from a real ${sdk} SDK call to a resumed run`, async ({ target, openGate }) => {
      const opened = await openGate({ sdk, tool: 'bash', args: { command: 'rm -rf build' } });
      await target.call('gates.approve', { gate_id: opened.gate.gate_id });
      await opened.expectResumed();
    });
  }

  test('a rejection reaches the SDK as a refusal', async ({ target, openGate }) => {
    const opened = await openGate();
    await target.call('gates.reject', { gate_id: opened.gate.gate_id, reason: 'not today' });
    await opened.expectRefused('approval_rejected');
  });

  test('shows its shell and the gate that waits', async ({ page, openGate }) => {
    await expect(page.getByTestId('shell.inbox')).toBeVisible();
    await openGate({ args: { command: 'git push --force' } });
    await expect(page.getByText('git push --force').first()).toBeVisible();
  });
});
