import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoUsd } from '../../../proxy-core/contract/money.ts';
import { openStore } from '../../../proxy-core/store/open-store.ts';
import type {
  AdmitInput,
  AdmitOutput,
  Receipt,
  SettleInput,
  SettleOutput,
  Store,
} from '../../../proxy-core/store/store.ts';

/** A store in a folder of its own with one capped agent, for measuring the store without the proxy around it. */
export interface SampleStore {
  readonly home: string;
  readonly path: string;
  readonly store: Store;
  /** Admit the next call of a run, which the first call starts. */
  admit(runId: string, toolResults?: AdmitInput['toolResults']): Receipt<AdmitOutput> & { readonly exchangeId: string };
  settle(exchangeId: string, toolCalls?: SettleInput['toolCalls']): Receipt<SettleOutput>;
  /** Close the store and keep the folder. */
  shut(): Promise<void>;
  /** Close the store and remove the folder. */
  close(): Promise<void>;
}

const AGENT = 'agt_bench';
const BY = { actor: 'operator', channel: 'bench' };
const POLICY = 'default@1';
const RESERVED = nanoUsd(1_000_000);
const COST = nanoUsd(400_000);
const HUGE = nanoUsd(1_000_000_000_000_000);
const FIRST_INSTANT = 1_790_000_000_000;

export async function createSampleStore(): Promise<SampleStore> {
  const home = mkdtempSync(join(tmpdir(), 'rungate-bench-store-'));
  const path = join(home, 'rungate.db');
  const store = await openStore({ path, clock: Date.now });
  const at = FIRST_INSTANT;
  const agent = { at, agentId: AGENT, name: 'bench', team: null, policy: POLICY, allowedPolicies: [], runCap: HUGE };
  await store.write('savePolicy', { at, name: 'default', document: 'policy: default\n', note: '', by: BY }).committed;
  await store.write('saveAgent', { ...agent, delivery: 'auto', by: BY }).durable;
  const started = new Set<string>();
  let count = 0;

  const shut = (): Promise<void> => store.close();
  return {
    home,
    path,
    store,
    shut,
    admit(runId, toolResults = []) {
      count += 1;
      const exchangeId = `xch_${String(count).padStart(10, '0')}`;
      const start = {
        runId,
        policy: POLICY,
        explicit: true,
        labels: {},
        client: null,
        traceParent: null,
        cap: HUGE,
        alertAt: [0.8],
      };
      const receipt = store.write('admit', {
        at: FIRST_INSTANT + count,
        exchangeId,
        agentId: AGENT,
        agentName: 'bench',
        team: null,
        runId,
        start: started.has(runId) ? null : start,
        keys: started.has(runId) ? [] : [{ kind: 'session', key: runId }],
        method: 'POST',
        path: '/v1/chat/completions',
        wireFormat: 'chat',
        provider: 'bench',
        model: 'bench-model',
        stream: false,
        client: null,
        subagent: null,
        side: null,
        retryOf: null,
        traceParent: null,
        reserve: RESERVED,
        toolResults,
      });
      started.add(runId);
      return { ...receipt, exchangeId };
    },
    settle: (exchangeId, toolCalls = []) =>
      store.write('settle', {
        at: FIRST_INSTANT + count,
        exchangeId,
        state: 'completed',
        status: 200,
        failure: null,
        cost: COST,
        estimated: false,
        usage: null,
        model: 'bench-model',
        finishReason: 'stop',
        firstByteAt: FIRST_INSTANT + count,
        toolCalls,
        keys: [],
        responseContentType: 'application/json',
      }),
    async close() {
      await shut();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
