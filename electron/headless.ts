import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { Configuration } from '../proxy-core/config/schema.ts';
import { type Rungate, type RungateOptions, startRungate } from '../proxy-core/index.ts';
import { configuredProviders } from '../proxy-core/providers/configured-providers.ts';
import { type Credentials, createCredentials, parseKeyReference } from '../proxy-core/providers/credentials.ts';
import { DEMO_PROVIDER } from '../proxy-core/providers/provider-defaults.ts';
import type { Headless, HeadlessOptions } from './cli/headless-host.ts';
import { headlessKeys } from './headless-keys.ts';
import { readPolicies } from './policy-files.ts';
import { prepareSocketFolder, socketPath } from './socket-path.ts';
import { VERSION } from './version.ts';

/**
 * The headless host: the same core as the desktop app, with an operator port and the command socket, keys from the
 * environment or from files (there is no keychain here).
 */
export async function startHeadless(options: HeadlessOptions): Promise<Headless> {
  const socket = socketPath(options.home);
  const policyDocuments = await readPolicies(options.configuration?.policies ?? [], folderOf(options));
  const rungate = await startRungate(
    {
      clock: { now: Date.now },
      random: { bytes: (count) => randomBytes(count) },
      log: options.log,
    },
    {
      ...coreOptions(options),
      policyDocuments,
      commandSocket: socket,
      beforeListen: () => prepareSocketFolder(socket),
    },
  );
  if (rungate.operator === null) throw new Error('the operator port is not open');
  return {
    agentUrl: rungate.agentUrl,
    consoleUrl: rungate.operator.url,
    launchUrl: rungate.operator.launchUrl(),
    pid: process.pid,
    demo: options.demo ? await demoAccess(rungate) : null,
    stop: () => rungate.close(),
  };
}

type HostOptions = 'policyDocuments' | 'commandSocket' | 'beforeListen';

function coreOptions(options: HeadlessOptions): Omit<RungateOptions, HostOptions> {
  const { configuration, env } = options;
  const folder = folderOf(options);
  const providers = configuredProviders(configuration, folder);
  const credentials = headlessKeys(env);
  return {
    home: options.home,
    version: VERSION,
    agentPort: options.agentPort,
    operatorPort: options.consolePort,
    providers: options.demo && !providers.includes(DEMO_PROVIDER) ? [...providers, DEMO_PROVIDER] : providers,
    prices: configuration?.prices ?? {},
    credentials,
    configuration,
    configFile: options.configFile,
    show: null,
    resolveSecret: secretsOf(createCredentials(credentials), folder),
    limits: { cliDecisions: true, ...(configuration === null ? {} : coreLimits(configuration)) },
    upstream: {},
  };
}

/** Relative paths of a configuration are relative to its file. */
const folderOf = ({ configFile }: HeadlessOptions): string =>
  configFile === null ? process.cwd() : dirname(configFile);

const SECOND = 1000;
const MIB = 1_048_576;

const coreLimits = ({ limits, cli_decisions, on_pause }: Configuration): RungateOptions['limits'] => ({
  maxBodyBytes: Math.round(limits.max_body_mb * MIB),
  headerBytes: limits.header_kb * 1024,
  headersTimeoutMs: Math.round(limits.headers_seconds * SECOND),
  requestTimeoutMs: Math.round(limits.body_seconds * SECOND),
  idleWindowMs: Math.round(limits.idle_window_minutes * 60 * SECOND),
  drainMs: Math.round(limits.drain_seconds * SECOND),
  drainBytes: Math.round(limits.drain_mb * MIB),
  keepBytes: Math.round(limits.keep_mb * MIB),
  shutdownMs: Math.round(limits.shutdown_seconds * SECOND),
  onPause: on_pause,
  undoMs: limits.undo_seconds * SECOND,
  cliDecisions: cli_decisions,
});

/** Agents' tokens and webhooks' secrets are needed before anything is served: a missing one is the operator's to cure. */
const secretsOf =
  (credentials: Credentials, folder: string): RungateOptions['resolveSecret'] =>
  async (text) => {
    const reference = parseKeyReference(text, folder);
    const found = reference.kind === 'parsed' ? await credentials.find(reference.reference) : reference;
    if (found.kind === 'found') return found.key.reveal();
    const hint = found.kind === 'none' ? 'A secret is needed here, not none.' : found.problem;
    const message = `A secret that the configuration names is missing: ${text}.`;
    throw Object.assign(new Error(message), { code: 'secret_missing', hint });
  };

const DEMO_AGENT = 'demo';
const BY = { actor: 'operator', channel: 'cli' };

/** The demo's agent: made at the first start, given a new token at every one (tokens are not kept). */
async function demoAccess(rungate: Rungate): Promise<Headless['demo']> {
  const added = await rungate.call('agents.add', { name: DEMO_AGENT }, BY);
  const issued = added.ok ? added : await rungate.call('agents.rotate', { name: DEMO_AGENT }, BY);
  if (!issued.ok) {
    const { code, message, context } = issued.failure;
    const recover = context['recover'];
    throw Object.assign(new Error(message), { code, hint: typeof recover === 'string' ? recover : 'See the log.' });
  }
  const { token } = issued.value as { readonly token: string };
  return { token, model: 'demo-model' };
}
