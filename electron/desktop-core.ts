import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../proxy-core/config/schema.ts';
import { type Rungate, startRungate } from '../proxy-core/index.ts';
import type { HostPort, Log } from '../proxy-core/ports.ts';
import { configuredProviders } from '../proxy-core/providers/configured-providers.ts';
import { configuredWay } from '../proxy-core/providers/configured-way.ts';
import { type CredentialPorts, createCredentials } from '../proxy-core/providers/credentials.ts';
import type { Secrets } from '../proxy-core/providers/secrets.ts';
import { defaultAnchorFolder } from '../proxy-core/signing/anchor.ts';
import { calledAs, programFor } from './cli/called-as.ts';
import { readConfiguration, renderProblems } from './cli/configuration-file.ts';
import { coreLimits, resolverOf } from './core-settings.ts';
import { readPolicies } from './policy-files.ts';
import { prepareSocketFolder, socketPath } from './socket-path.ts';
import { VERSION } from './version.ts';

export const DEFAULT_AGENT_PORT = 4141;

/** What the desktop app starts a core with. */
export interface DesktopCoreOptions {
  readonly home: string;
  readonly configuration: LoadedConfiguration;
  /** Instead of the configuration's, by the person's own choice. */
  readonly agentPort: number;
  readonly keychain: Secrets;
  readonly host: HostPort;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
}

/** The installation's configuration file, if it has one. */
export type LoadedConfiguration =
  | { readonly file: string; readonly value: Configuration }
  | { readonly file: null; readonly value: null };

/**
 * Read `rungate.yaml` of the home folder. Rejects with an Error that carries a `hint` when it is there and cannot be
 * used: a core without its caps and policies is not what the person set up.
 */
export async function loadConfiguration(home: string): Promise<LoadedConfiguration> {
  const file = join(home, 'rungate.yaml');
  if (!existsSync(file)) return { file: null, value: null };
  const parsed = await readConfiguration(file);
  if (parsed.kind === 'configuration') return { file, value: parsed.value };
  if (parsed.kind === 'failed') throw problem(parsed.message, 'Correct the file or remove it.');
  throw problem(`The configuration ${file} has problems.`, renderProblems(parsed.file, parsed.problems));
}

const problem = (message: string, hint: string): Error =>
  Object.assign(new Error(message), { code: 'config_invalid', hint });

/** Start the core of the desktop app: no operator port, the command socket for the terminal, keys in the keychain. */
export async function startDesktopCore(options: DesktopCoreOptions): Promise<Rungate> {
  const { home, configuration, env, log } = options;
  const { value, file } = configuration;
  const socket = socketPath(home);
  const credentials: CredentialPorts = {
    env,
    keychain: options.keychain,
    passphrase: async () => env['RUNGATE_PASSPHRASE'] ?? null,
  };
  return startRungate(
    { clock: { now: Date.now }, random: { bytes: (count) => randomBytes(count) }, log },
    {
      home,
      version: VERSION,
      program: programFor(calledAs(env), home, env),
      agentPort: options.agentPort,
      operatorPort: null,
      commandSocket: socket,
      beforeListen: () => prepareSocketFolder(socket),
      providers: configuredProviders(value, home, 'keychain'),
      prices: value?.prices ?? {},
      credentials,
      configuration: value,
      configFile: file,
      resolveSecret: resolverOf(createCredentials(credentials), home),
      host: options.host,
      consoleFolder: null,
      policyDocuments: await readPolicies(value?.policies ?? [], home),
      limits: value === null ? { cliDecisions: false } : coreLimits(value, { cliDecisions: false }),
      anchorFolder: defaultAnchorFolder(env),
      upstream: { way: await configuredWay(value, home, env) },
    },
  );
}
