import { expect, test } from './fixtures.ts';
import { expectGate, inboxOf, unescaped } from './inbox-page.ts';

const XSS =
  '<img src=x onerror="window.__pwned=1"><script>window.__pwned=1</script><a href="javascript:window.__pwned=1">x</a>';

test.describe('what a gate shows of a call', () => {
  test('a 50 KB command is completely in the text, hidden characters shown', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    const lines = Array.from({ length: 700 }, (_, index) => `echo "${index} ${'x'.repeat(60)}"`);
    const command = `${lines.slice(0, 350).join('\n')}\necho safe\u202e\u200b \u{e0041} && rm -rf build\n${lines.slice(350).join('\n')}`;
    expect(command.length).toBeGreaterThan(50_000);
    await openGate({ args: { command } });
    await expect(inbox.control('hidden')).toBeVisible();
    expect(await unescaped(inbox.control('payload-text'))).toBe(command);
    expect(await inbox.control('payload-text').textContent()).toContain('safe\\u{202e}\\u{200b} \\u{e0041}');
    await inbox.control('form-raw').click();
    expect(JSON.parse(await unescaped(inbox.control('payload-raw')))).toEqual({ command });
  });

  test('a long payload is read to its end before it can be approved', async ({ page, target, openGate }) => {
    const inbox = inboxOf(page);
    const command = Array.from({ length: 812 }, (_, index) => `echo ${index}`).join('\n');
    const opened = await openGate({ args: { command } });
    await inbox.shows(opened.gate.gate_id);
    await expect(inbox.control('position')).toHaveText(/^1–\d+ of 812 lines$/);
    await expect(inbox.control('approve')).toBeDisabled();
    await page.keyboard.press('a');
    await expectGate(target, opened.gate.gate_id, 'pending');
    await inbox.control('payload-scroll').press('End');
    await expect(inbox.control('reviewed')).toBeChecked();
    await expect(inbox.control('position')).toHaveText(/–812 of 812 lines$/);
    await expect(inbox.control('approve')).toBeEnabled();
  });

  test('"I reviewed it" lets a long payload be approved too', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    await openGate({ tool: 'save', args: { content: 'a\n'.repeat(300) } });
    await expect(inbox.control('approve')).toBeDisabled();
    await inbox.control('reviewed').check();
    await expect(inbox.control('approve')).toBeEnabled();
  });

  for (const [view, tool, args, text] of [
    ['shell', 'bash', { command: 'cd src && FOO=1 make | tee log' }, 'cd src && FOO=1 make | tee log'],
    ['diff', 'Write', { file_path: '/tmp/a.txt', content: 'one\ntwo\n' }, 'one\ntwo\n'],
    ['sql', 'run_sql', { query: "DELETE FROM invoices WHERE state = 'x'" }, "WHERE\n  state = 'x'"],
    [
      'http',
      'http_request',
      { method: 'POST', url: 'https://api.example.com/v1/pay?x=1', body: '{"a":1.0}' },
      '"a": 1.0',
    ],
    ['json', 'issue_refund', { order: 'ord_1', amount_usd: 1240 }, 'amount_usd: 1240'],
  ] as const) {
    test(`a call of ${tool} is shown as ${view}`, async ({ page, openGate }) => {
      const inbox = inboxOf(page);
      await openGate({ tool, args });
      await expect(inbox.control('payload')).toHaveAttribute('data-view', view);
      await expect.poll(async () => inbox.control('payload-text').textContent()).toContain(text);
      await inbox.control('form-raw').click();
      expect(JSON.parse((await inbox.control('payload-raw').textContent()) ?? '')).toEqual(args);
    });
  }

  test('segments stand one a row, the program in bold', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    await openGate({ args: { command: 'cd src && git fetch | tee log; rm -rf build' } });
    await expect(inbox.control('segment')).toHaveCount(4);
    await expect(inbox.control('segment').locator('strong')).toHaveText(['cd', 'git', 'tee', 'rm']);
  });

  test('a DELETE without WHERE is flagged', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    await openGate({ tool: 'run_sql', args: { query: 'DELETE FROM invoices' } });
    await expect(inbox.control('unbounded')).toHaveText('No WHERE: every row');
  });

  test('the host of a request is emphasised', async ({ page, openGate }) => {
    const inbox = inboxOf(page);
    await openGate({ tool: 'http_request', args: { url: 'https://api.example.com/a?next=https://evil.example' } });
    await expect(inbox.control('url').locator('strong')).toHaveText('api.example.com');
  });

  test('the field that the rule matched is marked', async ({ page, target, openGate }) => {
    const document =
      'policy: gated\nrules:\n  - rule: refund\n    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }\n    action: gate\n';
    await target.call('policies.apply', { document, file_name: 'gated.yaml', note: 'refunds' });
    await openGate({ tool: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 } });
    const inbox = inboxOf(page);
    await expect(inbox.control('matched')).toContainText('amount_usd: 1240');
    await expect(inbox.control('clause').last()).toContainText('1240');
  });
});

test.describe('text of a model', () => {
  test('is inert in every field', async ({ page, target, openGate }) => {
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const inbox = inboxOf(page);
    const opened = await openGate({ tool: 'bash', args: { command: `echo ${XSS}`, cwd: XSS, [XSS]: XSS }, words: XSS });
    await openGate({ tool: 'note', args: { [XSS]: XSS, list: [XSS] }, words: XSS });
    await openGate({ tool: 'Write', args: { file_path: `/tmp/${XSS}`, content: XSS }, words: XSS });
    await openGate({
      tool: 'http_request',
      args: { url: `https://x.example/${XSS}`, body: XSS, headers: { x: XSS } },
      words: XSS,
    });
    const { gates } = await target.call('gates.list', { states: ['pending'] });
    await target.reload();
    for (const { gate_id } of gates) {
      await inbox.row(gate_id).click();
      await expect(inbox.card).toHaveAttribute('data-gate-id', gate_id);
      await expect(inbox.control('payload')).toContainText('onerror=');
    }
    await target.call('gates.reject', { gate_id: opened.gate.gate_id, reason: XSS });
    await inbox.control('tab-history').click();
    await inbox.row(opened.gate.gate_id).click();
    await expect(inbox.control('resolution')).toContainText('onerror=');
    expect(await page.evaluate(() => '__pwned' in window)).toBe(false);
    await expect(page.locator('main').locator('img, script, a[href^="javascript:"]')).toHaveCount(0);
    expect(dialogs).toEqual([]);
  });
});
