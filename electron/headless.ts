import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reply } from '../proxy-core/contract/client.ts';
import { type Rungate, type RungateOptions, startRungate } from '../proxy-core/index.ts';
import type { HostPort } from '../proxy-core/ports.ts';
import { configuredProviders } from '../proxy-core/providers/configured-providers.ts';
import { configuredWay } from '../proxy-core/providers/configured-way.ts';
import { createCredentials } from '../proxy-core/providers/credentials.ts';
import { DEMO_PROVIDER } from '../proxy-core/providers/provider-defaults.ts';
import { defaultAnchorFolder } from '../proxy-core/signing/anchor.ts';
import type { Headless, HeadlessOptions } from './cli/headless-host.ts';
import { coreLimits, resolverOf } from './core-settings.ts';
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
      upstream: { way: await configuredWay(options.configuration, folderOf(options), options.env) },
      policyDocuments,
      commandSocket: socket,
      beforeListen: () => prepareSocketFolder(socket),
    },
  );
  if (rungate.operator === null) throw new Error('the operator port is not open');
  return {
    agentUrl: rungate.agentUrl,
    consoleUrl: rungate.operator.url,
    launchUrl: await launchUrl(rungate),
    pid: process.pid,
    demo: options.demo ? await demoAccess(rungate) : null,
    stop: () => rungate.close(),
  };
}

type HostOptions = 'upstream' | 'policyDocuments' | 'commandSocket' | 'beforeListen';

function coreOptions(options: HeadlessOptions): Omit<RungateOptions, HostOptions> {
  const { configuration, env } = options;
  const folder = folderOf(options);
  const providers = configuredProviders(configuration, folder);
  const credentials = headlessKeys(env);
  return {
    home: options.home,
    version: VERSION,
    program: options.program,
    agentPort: options.agentPort,
    operatorPort: options.consolePort,
    providers: options.demo && !providers.includes(DEMO_PROVIDER) ? [...providers, DEMO_PROVIDER] : providers,
    prices: configuration?.prices ?? {},
    credentials,
    configuration,
    configFile: options.configFile,
    host: HEADLESS_HOST,
    consoleFolder: findConsole(),
    resolveSecret: resolverOf(createCredentials(credentials), folder),
    limits: configuration === null ? { cliDecisions: true } : coreLimits(configuration, { cliDecisions: true }),
    anchorFolder: defaultAnchorFolder(env),
  };
}

/** There is a browser at most: it shows notices, downloads files, and keys are given in the environment or in files. */
const HEADLESS_HOST: HostPort = {
  describe: () => ({
    kind: 'headless',
    platform: process.platform,
    notifications: 'browser',
    key_storage: 'none',
    key_storage_note: 'A headless core reads provider keys from its environment and from files.',
    launch_at_login: false,
    tray: false,
    save_dialog: false,
  }),
  saveFile: null,
  printPdf: null,
};

/** The built console: beside the bundle, or where the build puts it when this runs from its source. Null: not built. */
function findConsole(): string | null {
  const places = ['./renderer/', '../dist/renderer/'].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return places.find((folder) => existsSync(join(folder, 'index.html'))) ?? null;
}

/** Relative paths of a configuration are relative to its file. */
const folderOf = ({ configFile }: HeadlessOptions): string =>
  configFile === null ? process.cwd() : dirname(configFile);

const DEMO_AGENT = 'demo';
const BY = { actor: 'operator', channel: 'cli' };

/** The demo's agent: made at the first start, given a new token at every one (tokens are not kept). */
async function demoAccess(rungate: Rungate): Promise<Headless['demo']> {
  const added = await rungate.call('agents.add', { name: DEMO_AGENT }, BY);
  const issued = added.ok ? added : await rungate.call('agents.rotate', { name: DEMO_AGENT }, BY);
  const { token } = granted(issued) as { readonly token: string };
  return { token, model: 'demo-model' };
}

/** The address that this start announces. It is the person's at the terminal, whatever commands may decide later. */
async function launchUrl(rungate: Rungate): Promise<string> {
  const reply = await rungate.call('console.launch', {}, { actor: 'operator', channel: 'start' });
  return (granted(reply) as { readonly launch_url: string }).launch_url;
}

/** The value of a reply that this start needs. Throws what `findStartProblem` can explain. */
function granted(reply: Reply<unknown>): unknown {
  if (reply.ok) return reply.value;
  const { code, message, context } = reply.failure;
  const recover = context['recover'];
  throw Object.assign(new Error(message), { code, hint: typeof recover === 'string' ? recover : 'See the log.' });
}
