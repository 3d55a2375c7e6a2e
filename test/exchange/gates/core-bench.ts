import { randomBytes } from 'node:crypto';
import { createBus } from '../../../proxy-core/bus.ts';
import type { PublishedEvent } from '../../../proxy-core/contract/events.ts';
import type { Admitted } from '../../../proxy-core/exchange/admission.ts';
import { admit } from '../../../proxy-core/exchange/admit.ts';
import { composeCore } from '../../../proxy-core/exchange/compose.ts';
import { type Core, DEFAULT_OPTIONS } from '../../../proxy-core/exchange/core.ts';
import { endpointOf, parseTarget } from '../../../proxy-core/exchange/endpoint.ts';
import { readRequest } from '../../../proxy-core/exchange/request.ts';
import type { Log } from '../../../proxy-core/ports.ts';
import type { Provider } from '../../../proxy-core/providers/provider.ts';
import { openStore } from '../../../proxy-core/store/open-store.ts';
import type { AgentCall } from '../../harness/agent-client.ts';
import { TEST_PRICES } from '../../harness/rungate.ts';

/**
 * The pipeline's own parts over a real store, without sockets and with a clock that stands still: for what is about the
 * millisecond, or is done tens of thousands of times. The home must have its agents and policies already.
 */
export interface CoreBench {
  readonly core: Core;
  readonly events: readonly PublishedEvent[];
  /** The instant the core sees, epoch ms. */
  now: number;
  /** A request as the agent port hands it on, let through by the policy. */
  admitted(call: AgentCall): Promise<Admitted>;
  close(): Promise<void>;
}

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const PROVIDER: Provider = {
  id: 'all',
  kind: 'http',
  baseUrl: new URL('http://127.0.0.1:9'),
  formats: ['chat', 'responses', 'messages', 'completions'],
  models: ['*'],
  auth: 'bearer',
  key: { kind: 'none' },
};

export async function openCoreBench(home: string, now: number): Promise<CoreBench> {
  const bench = { now };
  const clock = { now: () => bench.now };
  const store = await openStore({ path: `${home}/rungate.db`, clock: clock.now, onNote: () => undefined });
  const bus = createBus(clock, SILENT);
  const events: PublishedEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const core = await composeCore(
    { clock, random: { bytes: (count) => randomBytes(count) }, log: SILENT },
    {
      store,
      bus,
      providers: [PROVIDER],
      tools: new Map(),
      upstreamOf: () => {
        throw new Error('nothing is forwarded here');
      },
      prices: TEST_PRICES,
      credentials: {
        env: {},
        keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
        passphrase: async () => null,
      },
      options: DEFAULT_OPTIONS,
      paused: false,
    },
  );
  return Object.assign(bench, {
    core,
    events,
    async admitted(call: AgentCall) {
      const admission = await admit(core, readCall(core, call, bench.now), null, false);
      if (admission.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(admission)}`);
      return admission.admitted;
    },
    async close() {
      core.gates.close();
      core.abandons.close();
      await core.regexJobs.close();
      await store.close();
    },
  });
}

function readCall(core: Core, call: AgentCall, now: number) {
  const agent = core.agents.authenticate(call.token ?? '', now);
  if (agent === null) throw new Error('no such agent');
  const target = parseTarget(call.path);
  const reading = readRequest({
    agent,
    credential: 'inject',
    method: 'POST',
    target,
    endpoint: endpointOf('POST', target.path),
    headers: call.headers ?? {},
    rawHeaders: [],
    body: Buffer.from(JSON.stringify(call.body)),
    bodyDecoded: false,
  });
  if (reading.kind === 'refused') throw new Error(reading.failure.message);
  return reading.request;
}
