/* oxlint-disable no-empty-pattern -- Playwright wants a pattern where a fixture needs nothing, too */
import { test as base, expect } from '@playwright/test';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import { askForCall, type ProposedCall, proposing, type SdkAgent, type Understood } from '../harness/agent-sdk.ts';
import { openHeadlessConsole } from '../harness/console.ts';
import type { ConsoleTarget } from '../harness/console-target.ts';
import { openDesktopConsole } from '../harness/desktop.ts';
import type { DriverOptions } from '../harness/driver.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Every tool call of this policy's agents waits for a person. */
export const GATE_EVERYTHING = `policy: gated
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "tools:ask"
    match: { tool: { $regex: "^" } }
    action: gate
    expires_in_seconds: 3600
    message: "A person looks at every tool call."
`;

/** What a spec may set with `test.use({ … })`. */
export interface ConsoleOptions {
  /** `headless`: a browser on a headless core; `desktop`: the desktop app. Set by the project. */
  readonly targetKind: ConsoleTarget['kind'];
  /** The policy of the agent; its name must be `gated`. */
  readonly policy: string;
  /** How gates reach the agent: `hold` lets its SDK wait, `retry` answers 202. */
  readonly delivery: 'hold' | 'retry' | 'auto';
  /** The configuration's `limits`, beside what the fixture needs. */
  readonly limits: Readonly<Record<string, number>>;
  /** Of the desktop app. */
  readonly desktop: Pick<DriverOptions, 'platform' | 'keyring' | 'tray' | 'packaged' | 'args' | 'env'>;
}

/** A gate whose agent waits on an open connection, or will come back. */
export interface OpenedGate {
  readonly gate: GateRecord;
  readonly runId: string;
  /** What the agent's SDK makes of the answer, once there is one. */
  readonly answer: Promise<Understood>;
  /** The agent asks the same again (after a 202). */
  retry(): Promise<Understood>;
  /** Asserts that the run went on: the SDK has exactly the call that was reviewed. */
  expectResumed(): Promise<void>;
  /** Asserts that the SDK threw the refusal. */
  expectRefused(code: string): Promise<void>;
}

export interface GateRequest extends Partial<ProposedCall> {
  readonly sdk?: SdkAgent['sdk'];
  /** The run it belongs to; a new one without it. */
  readonly runId?: string;
  /** What the agent's request says besides. */
  readonly words?: string;
}

interface ConsoleFixtures {
  readonly upstream: ScriptedUpstream;
  /** The console, open before the person. */
  readonly target: ConsoleTarget;
  /** An agent whose policy is `policy`. */
  readonly agent: Omit<SdkAgent, 'sdk'>;
  /** A real SDK call that opens a gate. By default an Anthropic SDK and a shell command. */
  readonly openGate: (request?: GateRequest) => Promise<OpenedGate>;
}

let runs = 0;

/** Playwright's test with a console, its core, a provider behind it and an agent before it. */
export const test = base.extend<ConsoleFixtures & ConsoleOptions>({
  targetKind: ['headless', { option: true }],
  policy: [GATE_EVERYTHING, { option: true }],
  delivery: ['hold', { option: true }],
  limits: [{}, { option: true }],
  desktop: [{}, { option: true }],

  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern where a fixture needs nothing, too
  upstream: async ({}, use) => {
    const upstream = await startScriptedUpstream(proposing);
    await use(upstream);
    await upstream.close();
  },

  target: async ({ browser, upstream, targetKind, limits, desktop }, use, info) => {
    const configuration = configurationFor(upstream.url, limits);
    const env = { ...desktop.env, TEST_KEY: 'sk-test' };
    const target =
      targetKind === 'headless'
        ? await openHeadlessConsole(browser, { configuration, env })
        : await openDesktopConsole(browser, { ...desktop, configuration, env });
    await use(target);
    if (info.status !== info.expectedStatus) await info.attach('core', { body: target.output() });
    await target.close();
  },

  page: async ({ target }, use) => use(target.page),

  agent: async ({ target, policy, delivery }, use) => {
    await target.call('policies.apply', { document: policy, file_name: 'gated.yaml', note: 'for tests' });
    const { token } = await target.call('agents.add', { name: 'refactor-bot', policy: 'gated', delivery });
    await use({ agentUrl: target.agentUrl, token });
  },

  openGate: async ({ target, agent, delivery }, use) => {
    await use(async ({ tool = 'bash', args = { command: 'ls -la' }, sdk = 'anthropic', runId, words } = {}) => {
      runs += 1;
      const run = runId ?? `spec-run-${process.pid}-${runs}`;
      const call = { tool, args };
      const ask = (): Promise<Understood> => askForCall({ ...agent, sdk }, run, call, words);
      const known = new Set((await gatesOf(target, run)).map(({ gate_id }) => gate_id));
      const answer = ask();
      // Whoever waits for the gate only must not be failed by an answer nobody asks for.
      answer.catch(() => undefined);
      const gate = await openedGate(target, run, known, answer);
      return {
        gate,
        runId: run,
        answer,
        retry: ask,
        expectResumed: async () =>
          expect(await (delivery === 'retry' ? ask() : answer)).toEqual({ kind: 'calls', calls: [call] }),
        expectRefused: async (code) =>
          expect(await (delivery === 'retry' ? ask() : answer)).toMatchObject({ kind: 'refused', code }),
      };
    });
  },
});

export { expect };

async function gatesOf(target: ConsoleTarget, runId: string): Promise<readonly GateRecord[]> {
  const reply = await target.tryCall('gates.list', { run_id: runId });
  return reply.ok ? reply.value.gates : [];
}

/** The gate that the call has opened; fails with the SDK's answer if it was answered instead. */
async function openedGate(
  target: ConsoleTarget,
  runId: string,
  known: ReadonlySet<string>,
  answer: Promise<Understood>,
): Promise<GateRecord> {
  let early: Understood | null = null;
  void answer.then((understood) => {
    if (understood.kind !== 'empty') early = understood;
  });
  let opened: GateRecord | undefined;
  await expect
    .poll(
      async () => {
        opened = (await gatesOf(target, runId)).find(({ gate_id }) => !known.has(gate_id));
        return opened === undefined ? { gate: 'not yet', early } : 'a gate';
      },
      { message: 'the call opens a gate', intervals: [20, 50, 100, 250] },
    )
    .toBe('a gate');
  if (opened === undefined) throw new Error('no gate was opened');
  return opened;
}

/** Prices are pinned so that a new catalogue does not change what specs expect. */
const PRICES = {
  'gpt-*': { input_per_mtok: 1, output_per_mtok: 10 },
  'claude-*': { input_per_mtok: 3, output_per_mtok: 15 },
};

function configurationFor(url: string, limits: ConsoleOptions['limits']): object {
  const key = 'env:TEST_KEY';
  return {
    agent_port: 0,
    console_port: 0,
    providers: [
      { id: 'openai', base_url: `${url}/v1`, formats: ['chat', 'responses'], models: ['gpt-*'], key },
      { id: 'anthropic', base_url: url, formats: ['messages'], models: ['claude-*'], key },
      { id: 'demo' },
    ],
    prices: PRICES,
    // A verdict reaches the agent at once unless a spec is about taking it back.
    limits: { undo_seconds: 0, ...limits },
  };
}
