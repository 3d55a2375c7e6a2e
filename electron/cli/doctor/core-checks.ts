import type { Configuration } from '../../../proxy-core/config/schema.ts';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import { probePort } from '../../port-holder.ts';
import { configuredKeys, type KeyReport, reportKeys } from '../key-report.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** What the running core says of itself. */
export type CoreStatus = OperationOutput<'core.status'>;

/** The running core, if there is one. */
export function checkCore(status: CoreStatus | null, home: string): readonly Check[] {
  if (status === null) return [warn('core', `none is running for ${home}`, 'Start one with: rungate serve')];
  const running = `version ${status.version}, pid ${status.pid}, ${status.in_flight} calls in flight`;
  const core = status.paused
    ? warn('core', `paused: ${running}`, 'Take calls again with: rungate resume')
    : ok('core', running);
  if (status.store.ok) return [core];
  return [core, fail('store', status.store.detail, 'Calls are refused until the store can be written; see the log.')];
}

/** The ports: held by the running core, or free for the next one; and nobody answering in its place on `::1`. */
export async function checkPorts(
  status: CoreStatus | null,
  chosen: { readonly agent: number; readonly console: number },
): Promise<readonly Check[]> {
  if (status === null) {
    return [...(await checkFree('agent port', chosen.agent)), ...(await checkFree('console port', chosen.console))];
  }
  const urls = [['agent port', status.agent_url] as const, ['console port', status.console_url] as const];
  const checks: Check[] = [];
  for (const [name, url] of urls) {
    if (url === null) continue;
    checks.push(ok(name, `${url}, held by this core (pid ${status.pid})`));
    checks.push(...(await checkImpostor(name, Number(new URL(url).port))));
  }
  return checks;
}

async function checkFree(name: string, port: number): Promise<readonly Check[]> {
  if (port === 0) return [ok(name, 'any free one')];
  const state = await probePort(port, '127.0.0.1');
  switch (state.kind) {
    case 'free':
      return [ok(name, `127.0.0.1:${port} is free`), ...(await checkImpostor(name, port))];
    case 'taken':
      return [
        fail(
          name,
          `127.0.0.1:${port} is held by ${state.holder ?? 'another program'}`,
          'Stop that program, or choose another port.',
        ),
      ];
    case 'refused':
      return [fail(name, `127.0.0.1:${port} cannot be used (${state.reason})`, 'Choose another port.')];
  }
}

/** Clients that are given `localhost` try `::1` first: a program there would be handed the agents' tokens. */
async function checkImpostor(name: string, port: number): Promise<readonly Check[]> {
  const state = await probePort(port, '::1');
  if (state.kind !== 'taken') return [];
  const holder = state.holder ?? 'another program';
  return [
    warn(name, `[::1]:${port} is held by ${holder}`, 'Give agents 127.0.0.1, never localhost, or stop that program.'),
  ];
}

/** Programs that called and that nobody has measured: governed like all others, but how they show a refusal is not known. */
export const checkClients = (status: CoreStatus): readonly Check[] =>
  status.unknown_clients.length === 0
    ? [ok('clients', 'no unknown client has called since the core started')]
    : status.unknown_clients.map(({ user_agent: program, agent, calls }) =>
        warn(
          'clients',
          `${program} (agent ${agent}, ${calls} ${calls === 1 ? 'call' : 'calls'}) is no client that Rungate has been tried with`,
          'It is governed all the same; see whether it shows a refusal in words and waits while a call is held.',
        ),
      );

/** Whether each provider's key is there; never the key. */
export const checkRunningKeys = (status: CoreStatus): readonly Check[] =>
  status.providers.map((provider) => checkRunningKey(provider, status.config_file !== null));

function checkRunningKey(provider: CoreStatus['providers'][number], configured: boolean): Check {
  const name = `provider ${provider.id}`;
  switch (provider.key) {
    case 'set':
      return ok(name, `${provider.origin}: key set (${provider.key_source})`);
    case 'none':
      return ok(name, `${provider.origin}: takes no key of ours`);
    case 'missing': {
      const detail = `${provider.origin}: its key is missing (${provider.key_source})`;
      const fix = 'Provide it and start the core again; until then its calls are refused.';
      // Built-in providers that nobody asked for are no failure.
      return configured ? fail(name, detail, fix) : warn(name, detail, fix);
    }
  }
}

/** The same before a core runs, from the configuration file and this command's own environment. */
export async function checkConfiguredKeys(
  configuration: Configuration,
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  return (await reportKeys(configuredKeys(configuration), file, env)).map(checkKey);
}

function checkKey({ name, reference, state, problem }: KeyReport): Check {
  switch (state) {
    case 'none':
      return ok(name, 'takes no key of ours');
    case 'found':
      return ok(name, `${reference} is there`);
    case 'missing':
      return fail(
        name,
        problem ?? `${reference} is missing`,
        'Cure it where the core is started, then: rungate keys check --config FILE',
      );
  }
}

/** Without a configuration the built-in providers look into the environment. */
export function checkDefaultKeys(env: NodeJS.ProcessEnv): Check {
  const known = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'];
  const set = known.filter((name) => (env[name] ?? '') !== '');
  if (set.length > 0) return ok('providers', `${set.join(', ')} set in this environment`);
  return warn(
    'providers',
    'no provider key in this environment',
    `Set ${known.join(' or ')}, or try: rungate serve --demo`,
  );
}
