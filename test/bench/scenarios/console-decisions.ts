import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { send } from '../../harness/agent-client.ts';
import { askForCall, proposing } from '../../harness/agent-sdk.ts';
import { chromiumOptions } from '../../harness/browser.ts';
import { startTestRungate, type TestRungate } from '../../harness/rungate.ts';
import { startScriptedUpstream } from '../../harness/scripted-upstream.ts';
import { median, pause, quantile } from '../measure.ts';
import { judged, type Row } from '../report.ts';
import { appears, goTo, lastPress, notePresses } from './console-page.ts';
import type { Scenario } from './scenario.ts';

const RENDERER = fileURLToPath(new URL('../../../dist/renderer', import.meta.url));
const GATES = 20;
/** Single keys count this long after another gate is shown, ms; a little more is waited. */
const GUARD_MS = 600;
const POLICY = 'policy: gated\nrules:\n  - rule: ask\n    match: { tool: bash }\n    action: gate\n';

/** From an agent's 202 to the person's eye, and from the person's key to the core: a real Chromium on a real core. */
export const consoleDecisions: Scenario = {
  name: 'console-decisions',
  behaviours: [],
  async run() {
    const upstream = await startScriptedUpstream(proposing);
    const rungate = await startTestRungate({
      upstreamUrl: upstream.url,
      operatorPort: 0,
      consoleFolder: RENDERER,
      limits: { undoMs: 0 },
    });
    const browser = await chromium.launch(await chromiumOptions());
    try {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await page.goto(rungate.core.operator?.launchUrl() ?? '');
      await page.getByTestId('shell.inbox').waitFor();
      return [{ title: 'A gate, a decision and a pause through the console', rows: await measure(rungate, page) }];
    } finally {
      await browser.close();
      await rungate.close();
      await upstream.close();
    }
  },
};

async function measure(rungate: TestRungate, page: Page): Promise<readonly Row[]> {
  await rungate.call('policies.apply', { document: POLICY, file_name: 'gated.yaml', note: 'for the bench' });
  const token = await rungate.addAgent('bot', { policy: 'gated', delivery: 'retry' });
  const agent = { sdk: 'anthropic', agentUrl: rungate.url, token } as const;
  await page.evaluate(notePresses);
  const seen: number[] = [];
  const decided: number[] = [];
  for (let index = 0; index < GATES; index += 1) {
    const shown = page.evaluate(appears, `make step-${index}.`);
    await askForCall(agent, `run-${index}`, { tool: 'bash', args: { command: `make step-${index}.` } });
    const answered = Date.now();
    seen.push(Math.max(0, (await shown) - answered));
    const { gates } = await rungate.call('gates.list', { run_id: `run-${index}` });
    const gateId = gates[0]?.gate_id ?? '';
    await page.evaluate(goTo, `#/gates/${gateId}`);
    await page.locator(`[data-gate-id="${gateId}"]`).waitFor();
    await pause(GUARD_MS);
    const event = new Promise<number>((resolve) => {
      const stop = rungate.core.subscribe(({ name, at }) => {
        if (name !== 'approval.approved') return;
        stop();
        resolve(at);
      });
    });
    await page.keyboard.press('a');
    decided.push(Math.max(0, (await event) - (await page.evaluate(lastPress))));
  }
  return [
    within('gate on the screen after its 202', seen, 500),
    within('key to decision in the core', decided, 200),
    await pauseRow(rungate, page, token),
  ];
}

async function pauseRow(rungate: TestRungate, page: Page, token: string): Promise<Row> {
  const paused = rungate.event('core.paused');
  await page.getByTestId('shell.pause').click();
  const took = (await paused).at - (await page.evaluate(lastPress));
  const next = await send(rungate.url, {
    path: '/v1/messages',
    token,
    body: { model: 'claude-opus-4-8', messages: [] },
  });
  const met = took <= 100 && next.status === 503;
  return judged('Pause all, click to refusal', `${took} ms, next call ${next.status}`, '<= 100 ms, 503', met);
}

const within = (figure: string, values: readonly number[], goal: number): Row => {
  const worst = quantile(values, 0.95);
  return judged(figure, `${median(values)} ms, p95 ${Math.round(worst)} ms`, `p95 <= ${goal} ms`, worst <= goal);
};
