import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reply } from '../../proxy-core/contract/client.ts';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import type { OperationInput, OperationName, OperationOutput } from '../../proxy-core/contract/operations.ts';
import { type Rungate, type RungateOptions, startRungate } from '../../proxy-core/index.ts';
import type { HostPort, Log } from '../../proxy-core/ports.ts';
import type { Provider } from '../../proxy-core/providers/provider.ts';
import { DEMO_PROVIDER } from '../../proxy-core/providers/provider-defaults.ts';

/** A core as users run it, on free ports and a home folder of its own. */
export interface TestRungate {
  readonly core: Rungate;
  readonly url: string;
  readonly home: string;
  readonly events: readonly PublishedEvent[];
  readonly logged: readonly { readonly event: string; readonly facts: unknown }[];
  /** Calls an operation as the operator and fails the test on a failure. */
  call<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationOutput<N>>;
  tryCall<N extends OperationName>(name: N, input: OperationInput<N>): Promise<Reply<OperationOutput<N>>>;
  /** A registered agent's token; its policy is `open` unless the settings name another. */
  addAgent(name: string, settings?: Omit<OperationInput<'agents.add'>, 'name'>): Promise<string>;
  /** Resolves with the first event of this name, past or future, that `matches`. */
  event(name: PublishedEvent['name'], matches?: (event: PublishedEvent) => boolean): Promise<PublishedEvent>;
  /** Moves the clock that budgets, windows and expiries see; it stays moved over a restart. */
  advance(ms: number): void;
  /** What that clock says, epoch ms. */
  now(): number;
  /** Stops the core and starts another on the same home folder; `between` runs while there is none. */
  restart(between?: () => void): Promise<TestRungate>;
  close(): Promise<void>;
}

export interface TestOptions extends Partial<RungateOptions> {
  /** Where `openai` and `anthropic` models go; without it only the demo provider answers. */
  readonly upstream?: RungateOptions['upstream'];
  readonly upstreamUrl?: string;
  /** How far the clock is ahead at the start, in ms. */
  readonly shift?: number;
}

/** What test agents get unless they ask for the starter policy (`default`) or one of their own: nothing is gated. */
const OPEN_POLICY = 'policy: open\nbudget: { run_usd: 5 }\n';
const BY = { actor: 'operator', channel: 'test' };
/** Prices of the models tests use are pinned, so that a new catalogue does not change expected amounts. */
export const TEST_PRICES = {
  'gpt-*': { input_per_mtok: 1, output_per_mtok: 10, cache_read_per_mtok: 0.1 },
  'text-embedding-*': { input_per_mtok: 0.1, output_per_mtok: 0 },
  'claude-*': {
    input_per_mtok: 3,
    output_per_mtok: 15,
    cache_read_per_mtok: 0.3,
    cache_write_per_mtok: 3.75,
    cache_write_1h_per_mtok: 6,
  },
};

/** A host without dialogs, printing or a keychain. */
export const TEST_HOST: HostPort = {
  describe: () => ({
    kind: 'headless',
    platform: process.platform,
    notifications: 'browser',
    key_storage: 'none',
    key_storage_note: null,
    launch_at_login: false,
    tray: false,
    save_dialog: false,
  }),
  saveFile: null,
  printPdf: null,
};

/** Start a core. `upstreamUrl` serves both provider families with the key `sk-test`. */
export async function startTestRungate(options: TestOptions = {}): Promise<TestRungate> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'rungate-test-'));
  const events: PublishedEvent[] = [];
  const logged: { event: string; facts: unknown }[] = [];
  const watchers = new Set<(event: PublishedEvent) => void>();
  let shift = options.shift ?? 0;
  const note = (event: string, facts?: unknown): void => void logged.push({ event, facts });
  const log: Log = { info: note, warn: note, error: note };
  const core = await startRungate(
    { clock: { now: () => Date.now() + shift }, random: { bytes: (count) => randomBytes(count) }, log },
    {
      home,
      version: '0.0.0-test',
      agentPort: 0,
      operatorPort: null,
      commandSocket: null,
      providers: [...upstreamProviders(options.upstreamUrl), DEMO_PROVIDER],
      prices: TEST_PRICES,
      credentials: {
        env: { TEST_KEY: 'sk-test' },
        keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
        passphrase: async () => null,
      },
      configuration: null,
      configFile: null,
      host: TEST_HOST,
      consoleFolder: null,
      resolveSecret: async (reference) => reference,
      policyDocuments: [],
      limits: {},
      upstream: {},
      ...options,
    },
  );
  await core.call('policies.apply', { document: OPEN_POLICY, file_name: 'open.yaml', note: 'for tests' }, BY);
  core.subscribe((event) => {
    events.push(event);
    for (const watcher of watchers) watcher(event);
  });
  const self: TestRungate = {
    core,
    url: core.agentUrl,
    home,
    events,
    logged,
    tryCall: (name, input) => core.call(name, input, BY) as Promise<never>,
    async call(name, input) {
      const reply = await core.call(name, input, BY);
      if (!reply.ok) throw new Error(`${name}: ${reply.failure.code} ${reply.failure.message}`);
      return reply.value as never;
    },
    addAgent: async (name, settings = {}) =>
      (await self.call('agents.add', { name, policy: 'open', ...settings })).token,
    event: (name, matches = () => true) =>
      new Promise((resolve) => {
        const fits = (event: PublishedEvent): boolean => event.name === name && matches(event);
        const past = events.find(fits);
        if (past !== undefined) return resolve(past);
        const watcher = (event: PublishedEvent): void => {
          if (!fits(event)) return;
          watchers.delete(watcher);
          resolve(event);
        };
        watchers.add(watcher);
      }),
    advance(ms) {
      shift += ms;
    },
    now: () => Date.now() + shift,
    async restart(between) {
      await core.close();
      between?.();
      return startTestRungate({ ...options, home, shift });
    },
    async close() {
      await core.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
  return self;
}

function upstreamProviders(url: string | undefined): readonly Provider[] {
  if (url === undefined) return [];
  const key = { kind: 'env', name: 'TEST_KEY' } as const;
  return [
    {
      id: 'openai',
      kind: 'http',
      baseUrl: new URL(`${url}/v1`),
      formats: ['chat', 'responses', 'embeddings', 'completions'],
      models: ['gpt-*', 'text-embedding-*', 'local-*'],
      auth: 'bearer',
      key,
    },
    {
      id: 'anthropic',
      kind: 'http',
      baseUrl: new URL(url),
      formats: ['messages'],
      models: ['claude-*'],
      auth: 'x-api-key',
      key,
    },
  ];
}
