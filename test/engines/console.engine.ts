import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import { askForCall, proposing, type Understood } from '../harness/agent-sdk.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';
import { type Engine, type EngineBrowser, until } from './browser.ts';
import { chromium } from './chromium.ts';
import { firefox } from './firefox.ts';
import { freePort } from './program.ts';
import { webkit } from './webkit.ts';

/** The console in each engine: sign in, see a gate, approve, reject, and go on after the core has started again. */

const RENDERER = fileURLToPath(new URL('../../dist/renderer', import.meta.url));
const POLICY = `policy: gated
budget: { run_usd: 5 }
rules:
  - { rule: "tools:ask", match: { tool: bash }, action: gate, expires_in_seconds: 3600 }
`;
/** A folder for pictures of what was seen, for people; absent: none are taken. */
const PICTURES = process.env['RUNGATE_PICTURES'];

const gateOf = (body: unknown): GateRecord => (body as { readonly gate: GateRecord }).gate;

describe.each([chromium, firefox, webkit])('the console in $name', (engine: Engine) => {
  const missing = engine.missing();
  if (missing !== null) {
    it.skip(`${engine.name} is skipped: ${missing}`, () => undefined);
    return;
  }
  let upstream: ScriptedUpstream;
  let rungate: TestRungate;
  let browser: EngineBrowser;
  let token: string;

  beforeAll(async () => {
    upstream = await startScriptedUpstream(proposing);
    rungate = await startTestRungate({
      upstreamUrl: upstream.url,
      agentPort: await freePort(),
      operatorPort: await freePort(),
      consoleFolder: RENDERER,
      limits: { undoMs: 0 },
    });
    await rungate.call('policies.apply', { document: POLICY, file_name: 'gated.yaml', note: 'for the engines' });
    token = await rungate.addAgent('refactor-bot', { policy: 'gated', delivery: 'hold' });
    browser = await engine.start();
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await rungate.close();
    await upstream.close();
  }, 30_000);

  const shows = (text: string): string => `document.body?.innerText.includes(${JSON.stringify(text)})`;
  const has = (testId: string): string => `document.querySelector('[data-testid="${testId}"]') !== null`;
  const press = async (testId: string): Promise<void> => {
    const selector = `[data-testid="${testId}"]`;
    await until(browser, `document.querySelector('${selector}:not(:disabled)') !== null`);
    await browser.click(selector);
  };
  const picture = async (name: string): Promise<void> => {
    if (PICTURES === undefined) return;
    writeFileSync(join(PICTURES, `${engine.name.toLowerCase()}-${name}.png`), await browser.screenshot());
  };
  const ask = (run: string, command: string): Promise<Understood> => {
    const call = { tool: 'bash', args: { command } };
    return askForCall({ sdk: 'anthropic', agentUrl: rungate.url, token }, run, call);
  };
  /** The gate that a run's call opened, opened in the console from the list as a link opens it. */
  const openGate = async (run: string, words: string): Promise<void> => {
    const { body } = await rungate.event('approval.pending', (event) => gateOf(event.body).run_id === run);
    await browser.evaluate(`(location.hash = '#/gates/${gateOf(body).gate_id}', true)`);
    await until(browser, `${shows(words)} && ${has('inbox.approve')}`);
  };
  const origin = (): string => rungate.core.operator?.url ?? '';

  it('a browser that is not signed in is shown the command, and a launch address keeps its place', async () => {
    await browser.open(`${origin()}/#/settings/keyboard`);
    await until(browser, shows('rungate console --open'));
    await picture('signed-out');
    const { launch_url } = await rungate.call('console.launch', {});
    // As in a tab of its own: a document that reloads itself under a script leaves WebKit's driver without an answer.
    await browser.open('about:blank');
    await browser.open(launch_url);
    await until(browser, shows('Running'));
    expect(await browser.evaluate<string>('location.hash')).toBe('#/settings/keyboard');
    expect(await browser.evaluate<string>('location.href')).not.toContain('launch');
  });

  it('a gate is shown, and approving it lets the held call go on', async () => {
    await browser.evaluate('(location.hash = "#/inbox/pending", true)');
    const answer = ask('run-approved', 'ls --engine');
    await openGate('run-approved', 'ls --engine');
    await picture('gate');
    await press('inbox.approve');
    expect(await answer).toEqual({ kind: 'calls', calls: [{ tool: 'bash', args: { command: 'ls --engine' } }] });
    await until(browser, `!${has('inbox.approve')} || ${shows('Approved')}`);
    await picture('approved');
  });

  it('rejecting it refuses the call', async () => {
    const answer = ask('run-rejected', 'pwd --engine');
    await openGate('run-rejected', 'pwd --engine');
    await press('inbox.reject');
    await press('inbox.reject-preset-1');
    if (await browser.evaluate<boolean>(has('inbox.reject-send'))) await press('inbox.reject-send');
    expect(await answer).toMatchObject({ kind: 'refused', code: 'approval_rejected' });
  });

  it('an open tab goes on by itself when the core has started again, still signed in', async () => {
    await browser.evaluate('(window.sameTab = true)');
    rungate = await rungate.restart();
    const answer = ask('run-after-restart', 'id --engine');
    await openGate('run-after-restart', 'id --engine');
    await press('inbox.approve');
    expect(await answer).toMatchObject({ kind: 'calls' });
    expect(await browser.evaluate<boolean>('window.sameTab === true')).toBe(true);
  });

  it('a reload leaves the browser signed in, and its key cannot be read', async () => {
    await browser.open('about:blank');
    await browser.open(`${origin()}/`);
    await until(browser, shows('Running'));
    const kept = await browser.evaluate<{ extractable: boolean; algorithm: string }>(`new Promise((resolve) => {
      const opening = indexedDB.open('rungate-console', 1);
      opening.onsuccess = () => {
        const asked = opening.result.transaction('keys').objectStore('keys').get('session');
        asked.onsuccess = () => {
          const { privateKey } = asked.result;
          resolve({ extractable: privateKey.extractable, algorithm: privateKey.algorithm.namedCurve });
        };
      };
    })`);
    expect(kept).toEqual({ extractable: false, algorithm: 'P-256' });
  });
});
