import { expect, test } from './fixtures.ts';
import { expectGate, inboxOf } from './inbox-page.ts';

test.use({ delivery: 'retry' });

test.describe('what is shown stays where it is', () => {
  test('a key within half a second of the gate appearing decides nothing', async ({ page, target, openGate }) => {
    // Pressed by the page itself in the instant in which the gate is put there.
    await page.evaluate(() => {
      new MutationObserver((_, observer) => {
        if (document.querySelector('[data-gate-id]') === null) return;
        observer.disconnect();
        for (const key of ['a', 'r', 's', 't'])
          window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        document.body.dataset['pressed'] = 'yes';
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    const opened = await openGate();
    await expect(page.locator('body[data-pressed="yes"]')).toHaveCount(1);
    const inbox = inboxOf(page);
    await inbox.shows(opened.gate.gate_id);
    const gate = await expectGate(target, opened.gate.gate_id, 'pending');
    expect(gate.expires_at).toBe(opened.gate.expires_at);
    await expect(inbox.control('reject-form')).toHaveCount(0);
    await page.keyboard.press('a');
    await expectGate(target, opened.gate.gate_id, 'approved');
  });

  test('twenty gates that arrive while a key is pressed do not change what it decides', async ({
    page,
    target,
    openGate,
  }) => {
    const inbox = inboxOf(page);
    const opened = await openGate({ args: { command: 'ls the one' } });
    await inbox.shows(opened.gate.gate_id);
    const others = Array.from({ length: 20 }, (_, index) => openGate({ args: { command: `ls ${index}` } }));
    await others[3];
    await page.keyboard.down('a');
    const shown = await inbox.card.getAttribute('data-gate-id');
    await page.keyboard.up('a');
    const gates = (await Promise.all(others)).map(({ gate }) => gate.gate_id);
    await expectGate(target, opened.gate.gate_id, 'approved');
    const { gates: approved } = await target.call('gates.list', { states: ['approved'] });
    expect(approved.map(({ gate_id }) => gate_id)).toEqual([opened.gate.gate_id]);
    // Either still there or already gone on to the next one: never another gate's decision.
    expect([opened.gate.gate_id, ...gates]).toContain(shown);
  });

  test('arrivals wait behind a pill while a person works in the list', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    const opened = await openGate({ args: { command: 'ls first' } });
    await inbox.row(opened.gate.gate_id).click();
    await openGate({ args: { command: 'ls second' } });
    await openGate({ args: { command: 'ls third' } });
    await expect(inbox.control('arrived')).toHaveText('2 new');
    await expect(inbox.rows).toHaveCount(1);
    await expect(inbox.card).toHaveAttribute('data-gate-id', opened.gate.gate_id);
    await inbox.control('arrived').click();
    await expect(inbox.rows).toHaveCount(3);
    await expect(inbox.control('arrived')).toHaveCount(0);
    await expect(inbox.card).toHaveAttribute('data-gate-id', opened.gate.gate_id);
  });

  test('rows stand by expiry, and j and k move the focus between them', async ({ page, target, openGate }) => {
    const inbox = inboxOf(page);
    const first = await openGate({ args: { command: 'ls a' } });
    const second = await openGate({ args: { command: 'ls b' } });
    await target.call('gates.extend', { gate_id: first.gate.gate_id, seconds: 600 });
    await expect(inbox.rows.first()).toHaveAttribute('data-gate', second.gate.gate_id);
    await inbox.shows(first.gate.gate_id);
    await page.keyboard.press('k');
    await expect(inbox.row(second.gate.gate_id)).toBeFocused();
    await expect(inbox.row(second.gate.gate_id)).toHaveAttribute('aria-selected', 'true');
    await inbox.shows(second.gate.gate_id);
    await page.keyboard.press('j');
    await expect(inbox.row(first.gate.gate_id)).toBeFocused();
    await expect(page.getByRole('grid', { name: 'Gates waiting for a decision' })).toHaveAttribute(
      'aria-rowcount',
      '2',
    );
  });

  test('a new gate is announced once', async ({ page, openGate }) => {
    await openGate({ args: { command: 'ls' } });
    await expect(page.getByTestId('shell.announcer')).toContainText('New gate: refactor-bot, run');
  });

  test('the same request asked again is counted on its row', async ({ page, target, openGate }) => {
    const inbox = inboxOf(page);
    const opened = await openGate();
    await opened.retry();
    await opened.retry();
    await target.reload();
    await expect(inbox.rows).toHaveCount(1);
    await expect(inbox.state).toContainText(/retried ×2, last .* ago|retried ×2, last just now/);
  });
});
