import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoUsd } from '../../proxy-core/contract/money.ts';
import { type OpenStoreOptions, openStore } from '../../proxy-core/store/open-store.ts';
import type { AdmitInput, By, RunStart, SettleInput, Store, VerbInput } from '../../proxy-core/store/store.ts';

/** Real stores in temporary folders, and inputs that differ only in what a test is about. */

export const OPERATOR: By = { actor: 'operator', channel: 'cli' };
/** Noon of a day in the middle of a month, local time: no window boundary is near. */
export const NOON = new Date(2026, 5, 17, 12).getTime();

export interface TemporaryHome {
  readonly folder: string;
  /** The database file of a home folder that does not exist yet. */
  readonly path: string;
  open(options?: Partial<OpenStoreOptions>): Promise<Store>;
  /** Close what was opened and remove everything. */
  remove(): Promise<void>;
}

export function temporaryHome(): TemporaryHome {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-store-'));
  const path = join(folder, 'home', 'rungate.db');
  const opened: Store[] = [];
  return {
    folder,
    path,
    async open(options = {}) {
      const store = await openStore({ path, clock: () => NOON, ...options });
      opened.push(store);
      return store;
    },
    async remove() {
      await Promise.all(opened.map((store) => store.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const agentInput = (over: Partial<VerbInput<'saveAgent'>> = {}): VerbInput<'saveAgent'> => ({
  at: NOON,
  agentId: 'agt_1',
  name: 'bot',
  team: 'home',
  policy: 'personal-default',
  allowedPolicies: ['personal-default'],
  runCap: null,
  delivery: 'auto',
  by: OPERATOR,
  ...over,
});

export const runStart = (over: Partial<RunStart> = {}): RunStart => ({
  runId: 'run_1',
  policy: 'personal-default@1',
  explicit: false,
  labels: {},
  client: null,
  traceParent: null,
  cap: null,
  alertAt: [],
  ...over,
});

/** A call of agent `agt_1` in `run_1` that reserves 100 nano-USD and starts its run if need be. */
export const admitInput = (exchangeId: string, over: Partial<AdmitInput> = {}): AdmitInput => ({
  at: NOON,
  exchangeId,
  agentId: 'agt_1',
  agentName: 'bot',
  team: 'home',
  runId: 'run_1',
  start: runStart({ runId: over.runId ?? 'run_1' }),
  keys: [],
  method: 'POST',
  path: '/v1/messages',
  wireFormat: 'messages',
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  stream: true,
  client: 'claude-code',
  subagent: null,
  side: null,
  retryOf: null,
  traceParent: null,
  reserve: nanoUsd(100),
  toolResults: [],
  ...over,
});

/** A complete answer that cost 60 nano-USD. */
export const settleInput = (exchangeId: string, over: Partial<SettleInput> = {}): SettleInput => ({
  at: NOON + 1_000,
  exchangeId,
  state: 'completed',
  status: 200,
  failure: null,
  cost: nanoUsd(60),
  estimated: false,
  usage: { input_tokens: 10, output_tokens: 5 },
  model: 'claude-sonnet-4-5-20250929',
  finishReason: 'end_turn',
  firstByteAt: NOON + 500,
  toolCalls: [],
  keys: [],
  responseContentType: 'text/event-stream',
  ...over,
});
