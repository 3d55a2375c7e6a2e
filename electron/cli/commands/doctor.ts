import { dirname, resolve } from 'node:path';
import type { Configuration } from '../../../proxy-core/config/schema.ts';
import { spellCommands } from '../../../proxy-core/contract/program.ts';
import { command, type Invocation, type Options } from '../command.ts';
import { CoreUnreachable } from '../connection.ts';
import { type Check, fail, ok } from '../doctor/check.ts';
import {
  type CoreStatus,
  checkClients,
  checkConfiguredKeys,
  checkCore,
  checkDefaultKeys,
  checkPorts,
  checkRunningKeys,
} from '../doctor/core-checks.ts';
import { checkClock, checkEnforcement, checkHome, checkNode, checkStore } from '../doctor/machine-checks.ts';
import {
  checkAnchors,
  checkCollector,
  checkNotifications,
  checkRunningWays,
  checkWays,
} from '../doctor/network-checks.ts';
import { checkDisk } from '../doctor/writable.ts';
import { escapeCell } from '../output.ts';

/** What is wrong with an installation, with or without a running core. */
export const doctor = command({
  name: 'doctor',
  operands: [],
  about:
    'Check home, disk, ports, store, keys, the way out, collector, webhooks, anchors and clock; says Advisory or Enforced.',
  options: { config: { type: 'string', value: 'FILE', about: 'Check this configuration as well.' } },
  async run({ home, env, options, call, program }) {
    const core = await askCore(call);
    const config = await checkConfiguration(options.config ?? core.status?.config_file ?? undefined);
    const ports = { agent: config.value?.agent_port ?? 4141, console: config.value?.console_port ?? 4142 };
    const found = [
      checkNode(),
      checkHome(home),
      checkDisk(home),
      await checkStore(home),
      ...(core.problem === null ? checkCore(core.status, home) : [core.problem]),
      ...(await checkPorts(core.status, ports)),
      ...config.checks,
      ...(await checkKeys(core.status, config, env)),
      ...(core.status === null ? [] : checkClients(core.status)),
      ...(await checkSurroundings(core.status, config, env)),
      checkClock(home, Date.now()),
      checkEnforcement(),
    ];
    const checks = found.map(({ fix, ...check }) => ({
      ...check,
      fix: fix === null ? null : spellCommands(fix, program.here),
    }));
    const failed = checks.some((check) => check.status === 'fail');
    return {
      kind: 'printed',
      json: { ok: !failed, enforcement: 'Advisory', checks },
      text: checks.map(renderCheck).join('\n'),
      exitCode: failed ? 1 : 0,
    };
  },
});

interface AskedCore {
  readonly status: CoreStatus | null;
  /** Something answers or lies there that cannot be used. */
  readonly problem: Check | null;
}

async function askCore(call: Invocation<Options>['call']): Promise<AskedCore> {
  try {
    const reply = await call('core.status', {});
    if (reply.ok) return { status: reply.value, problem: null };
    return { status: null, problem: fail('core', reply.failure.message, 'Restart it and see its log.') };
  } catch (error) {
    if (!(error instanceof CoreUnreachable)) throw error;
    const cure =
      error.code === 'socket_refused'
        ? 'Run this as the home’s own user, or choose another --home.'
        : 'Stop it and start it again.';
    const problem = error.code === 'core_not_running' ? null : fail('core', error.message, cure);
    return { status: null, problem };
  }
}

interface CheckedConfiguration {
  readonly file: string | null;
  readonly value: Configuration | null;
  readonly checks: readonly Check[];
}

async function checkConfiguration(file: string | undefined): Promise<CheckedConfiguration> {
  if (file === undefined) return { file: null, value: null, checks: [ok('configuration', 'none given: defaults')] };
  const { readConfiguration, renderProblems } = await import('../configuration-file.ts');
  const parsed = await readConfiguration(file);
  switch (parsed.kind) {
    case 'configuration':
      return { file, value: parsed.value, checks: [ok('configuration', `${file} is valid`)] };
    case 'failed':
      return {
        file,
        value: null,
        checks: [fail('configuration', parsed.message, 'Give the path of a readable file.')],
      };
    case 'problems': {
      const lines = renderProblems(file, parsed.problems).split('\n');
      return { file, value: null, checks: lines.map((line) => fail('configuration', line, 'Correct this line.')) };
    }
  }
}

async function checkKeys(
  status: CoreStatus | null,
  config: CheckedConfiguration,
  env: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  if (status !== null) return checkRunningKeys(status);
  if (config.value !== null && config.file !== null) return checkConfiguredKeys(config.value, config.file, env);
  return config.file === null ? [checkDefaultKeys(env)] : [];
}

/** What lies outside: the ways out, the collector, people's channels, the audit's second places. */
async function checkSurroundings(
  status: CoreStatus | null,
  { value, file }: CheckedConfiguration,
  env: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  const folder = file === null ? process.cwd() : dirname(resolve(file));
  const { configuredWay } = await import('../../../proxy-core/providers/configured-way.ts');
  const { configuredProviders } = await import('../../../proxy-core/providers/configured-providers.ts');
  const way = await configuredWay(value, folder, env).catch((error: unknown) =>
    fail('network', error instanceof Error ? error.message : String(error), 'Give upstream.ca a PEM file, or system.'),
  );
  if ('status' in way) return [way, ...checkAnchors(value, folder, env)];
  const origins = configuredProviders(value, folder).flatMap(({ baseUrl }) =>
    baseUrl === null ? [] : [baseUrl.origin],
  );
  return [
    ...(status === null ? await checkWays(way, origins) : [checkRunningWays(status)]),
    ...(await checkCollector(value, way)),
    ...(await checkNotifications(value, way)),
    ...checkAnchors(value, folder, env),
  ];
}

function renderCheck({ status, name, detail, fix }: Check): string {
  const line = `${status.padEnd(4)}  ${name}: ${escapeCell(detail)}`;
  return fix === null ? line : `${line}\n      ${escapeCell(fix)}`;
}
