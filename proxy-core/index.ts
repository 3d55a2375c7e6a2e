import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PriceOverride } from './budget/prices.ts';
import { createBus } from './bus.ts';
import { createAttention } from './channels/attention.ts';
import { openChannels } from './channels/channel-kinds.ts';
import { createOutbox, type Outbox } from './channels/outbox.ts';
import type { Configuration } from './config/schema.ts';
import type { PublishedEvent } from './contract/events.ts';
import { INSTALLED, type Program } from './contract/program.ts';
import { agentHandlers } from './control/agents.ts';
import { applyConfiguration, type PolicyDocument, type ResolveSecret } from './control/apply-configuration.ts';
import { auditHandlers } from './control/audit.ts';
import { budgetHandlers } from './control/budgets.ts';
import { type Call, createCall } from './control/call.ts';
import { channelHandlers } from './control/channels.ts';
import { consoleHandlers, recordSignIn } from './control/console.ts';
import { coreHandlers, ownPlaces, PAUSED_SETTING, type Whereabouts } from './control/core-status.ts';
import { exchangeHandlers } from './control/exchanges.ts';
import { exportHandlers } from './control/exports.ts';
import { createFeed, type Feed } from './control/feed.ts';
import { gateHandlers } from './control/gates.ts';
import { grantHandlers } from './control/grants.ts';
import { keyHandlers } from './control/keys.ts';
import { noticeHandlers } from './control/notices.ts';
import { policyHandlers } from './control/policies.ts';
import { preferenceHandlers, readPreferences } from './control/preferences.ts';
import { redactionHandlers } from './control/redaction.ts';
import { retentionHandlers } from './control/retention.ts';
import { createRetention } from './control/retention-watch.ts';
import { runHandlers } from './control/runs.ts';
import { snapshotHandlers } from './control/snapshot.ts';
import { createSnoozes } from './control/snoozes.ts';
import { spellRefusals } from './control/spelled-call.ts';
import { telemetryHandlers } from './control/telemetry.ts';
import { composeCore } from './exchange/compose.ts';
import { type Core, type CoreOptions, DEFAULT_OPTIONS } from './exchange/core.ts';
import { gateRisks } from './exchange/gate-risks.ts';
import { createExportDesk, type ExportDesk } from './exports/export-desk.ts';
import { findBrowser, printWith } from './exports/find-printer.ts';
import { type AgentServer, listenAgentPort } from './http/agent-server.ts';
import { type CommandSocket, listenCommandSocket } from './http/command-socket.ts';
import { tryPort } from './http/listen-loopback.ts';
import { listenOperatorPort, type OperatorServer } from './http/operator-server.ts';
import { createSessionFile } from './http/session-file.ts';
import { kindOfTool } from './policy/tool-kinds.ts';
import type { HostPort, Ports } from './ports.ts';
import { createCheckOnly } from './providers/check-only.ts';
import type { CredentialPorts } from './providers/credentials.ts';
import { createDemo } from './providers/demo.ts';
import type { Provider } from './providers/provider.ts';
import { DEMO_PRICES } from './providers/provider-defaults.ts';
import { createUpstream } from './providers/upstream.ts';
import type { UpstreamOptions } from './providers/upstream-call.ts';
import { DIRECT_WAY } from './providers/way-out.ts';
import { createRedactor, type Redactor } from './redaction/redactor.ts';
import { openSigning, type Signing } from './signing/open-signing.ts';
import { createSteadyClock } from './steady-clock.ts';
import { createBodyMasker } from './store/body-masker.ts';
import { maskWrites } from './store/mask-writes.ts';
import { type OpenStoreOptions, openStore } from './store/open-store.ts';
import type { StoreReader } from './store/store.ts';
import { redactLog } from './telemetry/redacted-log.ts';
import { startTelemetry, type Telemetry } from './telemetry/telemetry.ts';

/** Everything a host says about the installation it starts. */
export interface RungateOptions {
  /** The installation's folder; made 0700 if absent. */
  readonly home: string;
  readonly version: string;
  /** How it is called in the commands that refusals and the console show; absent: `rungate`. */
  readonly program?: Program;
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
  readonly host: HostPort;
  /** Folder of the built console (`index.html` and its assets), served on the operator port; null: none is served. */
  readonly consoleFolder: string | null;
  /** The texts of the configuration's `policies`, in its order. */
  readonly policyDocuments: readonly PolicyDocument[];
  readonly limits: Partial<CoreOptions>;
  /** Where the audit's signed heads are witnessed unless the configuration says otherwise; absent or null: nowhere. */
  readonly anchorFolder?: string | null;
  readonly upstream: UpstreamOptions;
  /** For tests only: how far the store's log may grow, where the process is to be killed, how well the disk is. */
  readonly store?: Pick<OpenStoreOptions, 'limits' | 'failPoint' | 'medium'>;
}

/** A started core: the same for the desktop app, the headless server and the tests. */
export interface Rungate {
  readonly agentUrl: string;
  readonly operator: OperatorServer | null;
  /** The one door to the operations (`contract/operations.ts`). */
  readonly call: Call;
  subscribe(listener: (event: PublishedEvent) => void): () => void;
  /** The events after a snapshot's cursor, resumable (`control/feed.ts`). */
  readonly follow: Feed['follow'];
  /** Look at the clock: after a sleep, a resume or a change of the clock, so that gates expire and windows roll at once. */
  clockChanged(): Promise<void>;
  /** Put into the audit that the host has turned something away before it became a call; rejects if it cannot be written. */
  recordRefusal(kind: string, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** Refuse new calls, let those in flight end (10 s at most), settle all, close the store. */
  close(): Promise<void>;
}

/**
 * Start a core. Opens the store and settles what a crash left open before anything is served; rejects with an
 * Error that carries a `hint` for what an operator can cure (port in use, home not writable, store locked).
 */
export async function startRungate(lent: Ports, options: RungateOptions): Promise<Rungate> {
  const patterns = options.configuration?.redaction.patterns ?? [];
  const redactor = redactorWith(patterns);
  const steady = createSteadyClock(lent.clock.now);
  const ports: Ports = { ...lent, clock: steady, log: redactLog(lent.log, redactor) };
  const { clock, random, log } = ports;
  const program = options.program ?? INSTALLED;
  const storePath = join(options.home, 'rungate.db');
  // A start that is refused leaves no store behind; where there is one, whoever holds it says more than who holds a port.
  if (!existsSync(storePath)) for (const port of [options.agentPort, options.operatorPort ?? 0]) await tryPort(port);
  const exact = await openStore({
    path: storePath,
    clock: steady.now,
    civil: steady.civil,
    onNote: (note) => log.warn('store.note', { ...note }),
    ...options.store,
  });
  const store =
    options.configuration?.redaction.at_storage === true
      ? maskWrites(exact, { redactor, masker: createBodyMasker(patterns), log })
      : exact;
  steady.notBefore(latestInstant(store.read));
  const startedAt = clock.now();
  const recovered = await store.write('recover', { at: startedAt }).durable;
  if (recovered.settled > 0) log.warn('store.recovered', { settled: recovered.settled });
  const limits: CoreOptions = { ...DEFAULT_OPTIONS, ...options.limits };
  const bus = createBus(clock, log);
  const feed = createFeed(bus, ports);
  const snoozes = createSnoozes(clock, bus);
  const way = options.upstream.way ?? DIRECT_WAY;
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
    civil: steady.civil,
    paused: store.read.setting(PAUSED_SETTING) === true,
    own: () => ownPlaces(whereabouts()),
    program,
  });
  const attention = createAttention({
    read: store.read,
    bus,
    clock,
    log,
    redactor,
    kindOfTool,
    riskOf: gateRisks(),
    preferences: () => readPreferences(store).notifications,
    snoozedUntil: snoozes.until,
    extend: core.gates.extend,
  });
  const retention = createRetention({
    store,
    bus,
    clock: { now: steady.cautious },
    log,
    settings: {
      days: options.configuration?.retention.days ?? null,
      maxGb: options.configuration?.retention.max_gb ?? null,
    },
    changed: core.news.changed,
  });
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    for (const part of opened.reverse()) await part.close();
    await retention.close();
    attention.close();
    core.gates.close();
    core.abandons.close();
    await core.digester.close();
    core.news.close();
    await Promise.all([upstream.close(), demo.close(), core.regexJobs.close()]);
    await store.close();
  };
  let agentServer: AgentServer | null = null;
  let operator: OperatorServer | null = null;
  let outbox: Outbox | null = null;
  let signing: Signing | null = null;
  let desk: ExportDesk | null = null;
  let telemetry: Telemetry | null = null;
  const whereabouts = (): Whereabouts => ({
    version: options.version,
    home: options.home,
    agentUrl: agentServer?.url ?? '',
    consoleUrl: operator?.url ?? null,
    configFile: options.configFile,
    startedAt,
    way,
    program: program.anywhere,
  });
  const call = createCall(
    {
      ...agentHandlers(core),
      ...budgetHandlers(core),
      ...runHandlers(core),
      ...exchangeHandlers(core),
      ...policyHandlers(core),
      ...gateHandlers(core, snoozes),
      ...grantHandlers(core),
      ...channelHandlers(() => outbox),
      ...exportHandlers({ desk: () => started(desk), host: options.host, catchUp: core.digester.catchUp }),
      ...auditHandlers(store, () => started(signing)),
      ...redactionHandlers(patterns),
      ...retentionHandlers(store, retention),
      ...telemetryHandlers(() => telemetry),
      ...noticeHandlers(attention),
      ...keyHandlers(core, { keychain: options.credentials.keychain, host: options.host }),
      ...consoleHandlers(core, () => operator?.launchUrl ?? null),
      ...coreHandlers(core, whereabouts),
      ...preferenceHandlers(core),
      ...snapshotHandlers(core, { feed, host: options.host, snoozes, whereabouts }),
    },
    log,
    limits,
  );
  // The command line spells for itself: it is called otherwise than the core was, and reads the socket's replies.
  const toldCall = spellRefusals(call, program.anywhere);
  try {
    options.beforeListen?.();
    if (options.configuration !== null) {
      const sources = { policies: options.policyDocuments, resolve: options.resolveSecret };
      await applyConfiguration(core, options.configuration, sources);
    }
    const channels = await openChannels(options.configuration?.channels ?? null, attention, options.resolveSecret, {
      clock: { now: steady.civil },
      way,
    });
    outbox = createOutbox({
      store,
      bus,
      channels,
      clock,
      random,
      log,
      redactor,
      consoleUrl: () => operator?.url ?? null,
    });
    outbox.start();
    opened.push(outbox);
    const otlp = options.configuration?.otlp;
    if (otlp !== undefined) {
      const { version, resolveSecret } = options;
      telemetry = await startTelemetry(otlp, {
        bus,
        reads: store.reads,
        clock,
        log,
        version,
        redactor,
        resolveSecret,
        way,
      });
      opened.push(telemetry);
    }
    signing = await openSigning({
      home: options.home,
      store,
      clock,
      log,
      credentials: options.credentials,
      settings: options.configuration?.audit ?? null,
      folder: options.configFile === null ? options.home : dirname(options.configFile),
      anchorFolder: options.anchorFolder ?? null,
      channels,
      others: telemetry === null ? [] : [telemetry.anchor],
    });
    opened.push(signing);
    desk = createExportDesk({
      home: options.home,
      store: storePath,
      version: options.version,
      clock: { now: steady.civil },
      log,
      bus,
      key: signing.key,
      patterns,
      findPrinter: async () => {
        if (options.host.printPdf !== null) return options.host.printPdf;
        const browser = await findBrowser(options.credentials.env);
        return browser === null ? null : printWith(browser);
      },
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    opened.push(desk);
    agentServer = await listenAgentPort(core, options.agentPort);
    opened.push(agentServer);
    if (options.operatorPort !== null) {
      operator = await listenOperatorPort(core, options.operatorPort, {
        call: toldCall,
        feed,
        consoleFolder: options.consoleFolder,
        exports: desk,
        sessions: createSessionFile(options.home, signing.key, log),
        signedIn: (key) => recordSignIn(core, key),
      });
      opened.push(operator);
    }
    if (options.commandSocket !== null) {
      const socket: CommandSocket = await listenCommandSocket(options.commandSocket, call, desk);
      opened.push(socket);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  attention.start();
  retention.start();
  return {
    agentUrl: agentServer.url,
    operator,
    call: toldCall,
    subscribe: bus.subscribe,
    follow: feed.follow,
    async clockChanged() {
      await core.gates.tick();
      attention.look();
    },
    async recordRefusal(kind, fields) {
      const by = { actor: 'system', channel: options.host.describe().kind };
      await store.write('recordFact', { at: clock.now(), kind: `host.${kind}`, fields, by }).committed;
    },
    close: () => drain(core, limits.shutdownMs, closeAll),
  };
}

/** This installation's redactor. Throws where a pattern cannot be used: masking less than was asked for is no choice. */
function redactorWith(patterns: readonly string[]): Redactor {
  const created = createRedactor(patterns);
  if (created.kind === 'redactor') return created.redactor;
  throw new Error(`redaction.patterns: \`${created.pattern}\` cannot be used: ${created.message}`);
}

/** When the last thing was recorded, epoch ms: the core's time does not begin before it. */
function latestInstant(read: StoreReader): number {
  const head = read.auditHead();
  const [last] = head === null ? [] : read.audit({ afterSeq: head.seq - 1, limit: 1 });
  return last?.at ?? 0;
}

/** A part that is there before anything listens, and so before anybody can ask for it. */
function started<T>(part: T | null): T {
  if (part === null) throw new Error('the core has not started yet');
  return part;
}

/** New calls are refused at once; those in flight get `graceMs` to end before they are cut; all are settled. */
async function drain(core: Core, graceMs: number, closeAll: () => Promise<void>): Promise<void> {
  core.draining = true;
  const late = setTimeout(() => core.inFlight.abortAll('shutdown'), graceMs);
  await core.inFlight.idle();
  clearTimeout(late);
  await closeAll();
}
