import { expect, test } from './fixtures.ts';
import { inboxOf } from './inbox-page.ts';

// A trace would copy the whole page at every step.
test.use({ trace: 'off' });

test('two megabytes of arguments are shown whole and can be approved once read', async ({ page, openGate }) => {
  const inbox = inboxOf(page);
  const content = Array.from({ length: 20_000 }, (_, index) => `${index} ${'y'.repeat(95)}`).join('\n');
  const opened = await openGate({ tool: 'save', args: { content } });
  await expect(inbox.control('long-payload')).toBeVisible();
  expect((await inbox.control('payload-text').textContent())?.endsWith(content)).toBe(true);
  await inbox.control('reviewed').check();
  await inbox.control('approve').click();
  await opened.expectResumed();
});
