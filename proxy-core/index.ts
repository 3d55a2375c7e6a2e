import { join } from 'node:path';
import type { PriceOverride } from './budget/prices.ts';
import { createBus } from './bus.ts';
import { openChannels } from './channels/channel-kinds.ts';
import type { ShowNotice } from './channels/desktop.ts';
import { createOutbox, type Outbox } from './channels/outbox.ts';
import type { Configuration } from './config/schema.ts';
import type { PublishedEvent } from './contract/events.ts';
import { agentHandlers } from './control/agents.ts';
import { applyConfiguration, type PolicyDocument, type ResolveSecret } from './control/apply-configuration.ts';
import { budgetHandlers } from './control/budgets.ts';
import { type Call, createCall } from './control/call.ts';
import { channelHandlers } from './control/channels.ts';
import { coreHandlers, PAUSED_SETTING } from './control/core-status.ts';
import { gateHandlers } from './control/gates.ts';
import { grantHandlers } from './control/grants.ts';
import { policyHandlers } from './control/policies.ts';
import { runHandlers } from './control/runs.ts';
import { composeCore } from './exchange/compose.ts';
import { type Core, type CoreOptions, DEFAULT_OPTIONS } from './exchange/core.ts';
import { type AgentServer, listenAgentPort } from './http/agent-server.ts';
import { type CommandSocket, listenCommandSocket } from './http/command-socket.ts';
import { listenOperatorPort, type OperatorServer } from './http/operator-server.ts';
import { kindOfTool } from './policy/tool-kinds.ts';
import type { Ports } from './ports.ts';
import { createCheckOnly } from './providers/check-only.ts';
import type { CredentialPorts } from './providers/credentials.ts';
import { createDemo } from './providers/demo.ts';
import type { Provider } from './providers/provider.ts';
import { DEMO_PRICES } from './providers/provider-defaults.ts';
import { createUpstream } from './providers/upstream.ts';
import type { UpstreamOptions } from './providers/upstream-call.ts';
import { type OpenStoreOptions, openStore } from './store/open-store.ts';

/** Everything a host says about the installation it starts. */
export interface RungateOptions {
  /** The installation's folder; made 0700 if absent. */
  readonly home: string;
  readonly version: string;
  /** 0 picks a free one. */
  readonly agentPort: number;
  /** Null: no operator port (the desktop app talks over IPC). */
  readonly operatorPort: number | null;
  /** Null: no command socket. */
  readonly commandSocket: string | null;
  /** Called once the home folder exists, before anything listens. */
  readonly beforeListen?: () => void;
  readonly providers: readonly Provider[];
  readonly prices: Readonly<Record<string, PriceOverride>>;
  readonly credentials: CredentialPorts;
  readonly configuration: Configuration | null;
  readonly configFile: string | null;
  readonly resolveSecret: ResolveSecret;
  /** Shows a native notification; null where the host has none. */
  readonly show: ShowNotice | null;
  /** The texts of the configuration's `policies`, in its order. */
  readonly policyDocuments: readonly PolicyDocument[];
  readonly limits: Partial<CoreOptions>;
  readonly upstream: UpstreamOptions;
  /** For tests only: how far the store's log may grow, and where the process is to be killed. */
  readonly store?: Pick<OpenStoreOptions, 'limits' | 'failPoint'>;
}

/** A started core: the same for the desktop app, the headless server and the tests. */
export interface Rungate {
  readonly agentUrl: string;
  readonly operator: OperatorServer | null;
  /** The one door to the operations (`contract/operations.ts`). */
  readonly call: Call;
  subscribe(listener: (event: PublishedEvent) => void): () => void;
  /** Look at the clock: after a sleep, a resume or a change of the clock, so that gates expire and windows roll at once. */
  clockChanged(): Promise<void>;
  /** Refuse new calls, let those in flight end (10 s at most), settle all, close the store. */
  close(): Promise<void>;
}

/**
 * Start a core. Opens the store and settles what a crash left open before anything is served; rejects with an
 * Error that carries a `hint` for what an operator can cure (port in use, home not writable, store locked).
 */
export async function startRungate(ports: Ports, options: RungateOptions): Promise<Rungate> {
  const { clock, random, log } = ports;
  const startedAt = clock.now();
  const store = await openStore({
    path: join(options.home, 'rungate.db'),
    clock: clock.now,
    onNote: (note) => log.warn('store.note', { ...note }),
    ...options.store,
  });
  const recovered = await store.write('recover', { at: startedAt }).durable;
  if (recovered.settled > 0) log.warn('store.recovered', { settled: recovered.settled });
  const limits: CoreOptions = { ...DEFAULT_OPTIONS, ...options.limits };
  const bus = createBus(clock, log);
  const upstream = createUpstream(options.upstream);
  const demo = createDemo();
  const checkOnly = createCheckOnly();
  const core = await composeCore(ports, {
    store,
    bus,
    providers: options.providers,
    tools: new Map((options.configuration?.tools ?? []).map(({ name, url }) => [name, new URL(url)])),
    upstreamOf: ({ kind }) => (kind === 'http' ? upstream : kind === 'demo' ? demo : checkOnly),
    prices: { ...options.prices, ...DEMO_PRICES },
    credentials: options.credentials,
    options: limits,
    paused: store.read.setting(PAUSED_SETTING) === true,
  });
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    for (const part of opened.reverse()) await part.close();
    core.gates.close();
    core.abandons.close();
    await Promise.all([upstream.close(), demo.close(), core.regexJobs.close()]);
    await store.close();
  };
  let agentServer: AgentServer | null = null;
  let operator: OperatorServer | null = null;
  let outbox: Outbox | null = null;
  const call = createCall(
    {
      ...agentHandlers(core),
      ...budgetHandlers(core),
      ...runHandlers(core),
      ...policyHandlers(core),
      ...gateHandlers(core),
      ...grantHandlers(core),
      ...channelHandlers(() => outbox),
      ...coreHandlers(core, () => ({
        version: options.version,
        home: options.home,
        agentUrl: agentServer?.url ?? '',
        consoleUrl: operator?.url ?? null,
        configFile: options.configFile,
        startedAt,
      })),
    },
    log,
    limits,
  );
  try {
    options.beforeListen?.();
    if (options.configuration !== null) {
      const sources = { policies: options.policyDocuments, resolve: options.resolveSecret };
      await applyConfiguration(core, options.configuration, sources);
    }
    const { show, resolveSecret } = options;
    outbox = createOutbox({
      store,
      bus,
      channels: await openChannels(options.configuration?.channels ?? null, show, resolveSecret, { clock }),
      clock,
      random,
      log,
      consoleUrl: () => operator?.url ?? null,
      kindOfTool,
    });
    outbox.start();
    opened.push(outbox);
    agentServer = await listenAgentPort(core, options.agentPort);
    opened.push(agentServer);
    if (options.operatorPort !== null) {
      operator = await listenOperatorPort(core, call, options.operatorPort);
      opened.push(operator);
    }
    if (options.commandSocket !== null) {
      const socket: CommandSocket = await listenCommandSocket(options.commandSocket, call);
      opened.push(socket);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    agentUrl: agentServer.url,
    operator,
    call,
    subscribe: bus.subscribe,
    clockChanged: () => core.gates.tick(),
    close: () => drain(core, limits.shutdownMs, closeAll),
  };
}

/** New calls are refused at once; those in flight get `graceMs` to end before they are cut; all are settled. */
async function drain(core: Core, graceMs: number, closeAll: () => Promise<void>): Promise<void> {
  core.draining = true;
  const late = setTimeout(() => core.inFlight.abortAll('shutdown'), graceMs);
  await core.inFlight.idle();
  clearTimeout(late);
  await closeAll();
}
