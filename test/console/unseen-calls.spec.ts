import { expect, test } from './fixtures.ts';
import { answerWith, say } from './run-traffic.ts';

test('a run says of its agent that its tool calls cannot be seen on the wire, also where it had none', async ({
  page,
  agent,
  upstream,
}) => {
  const open = (runId: string): Promise<void> =>
    page.evaluate((id) => {
      location.hash = `#/runs/${id}`;
    }, runId);
  await say(agent, 'prose', 'hello');
  await open('prose');
  await expect(page.getByTestId('run.id')).toContainText('prose');
  await expect(page.getByTestId('run.unseen-calls')).toHaveCount(0);

  answerWith(upstream, { text: '<execute_command>\n<command>ls</command>\n</execute_command>' });
  await say(agent, 'words', 'look around');
  await open('words');
  await expect(page.getByTestId('run.unseen-calls')).toHaveText('Its tool calls cannot be seen on the wire');
  await expect(page.getByText('Calls written as text (Cline XML: execute_command)').first()).toBeVisible();
  await open('prose');
  await expect(page.getByTestId('run.id')).toContainText('prose');
  await expect(page.getByTestId('run.unseen-calls')).toBeVisible();
});
