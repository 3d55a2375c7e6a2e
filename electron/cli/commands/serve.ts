import { resolve } from 'node:path';
import type { Configuration } from '../../../proxy-core/config/schema.ts';
import { parseCount } from '../amounts.ts';
import type { HomeProgram } from '../called-as.ts';
import { BadInput, type Command, command, type Invocation, type Outcome } from '../command.ts';
import { renderDemoLines } from '../demo-lines.ts';
import type { Headless, HeadlessOptions, StartHeadless } from '../headless-host.ts';
import { keepYoungGenerationSmall } from '../memory.ts';
import { openBrowser } from '../open-browser.ts';
import { escapeText, renderJson } from '../output.ts';
import { awaitShutdown } from '../shutdown.ts';
import { findStartProblem } from '../start-problem.ts';
import { createStreamLog } from '../stderr-log.ts';

const DEFAULT_AGENT_PORT = 4141;
const DEFAULT_CONSOLE_PORT = 4142;
const PORTS = { min: 0, max: 65_535 };

const options = {
  port: { type: 'string', value: 'N', about: 'The port agents call (4141; 0 picks a free one).' },
  'console-port': { type: 'string', value: 'N', about: 'The console’s port (4142; 0 picks a free one).' },
  config: { type: 'string', value: 'FILE', about: 'Set the core up from this configuration file.' },
  open: { type: 'boolean', about: 'Open the console in the browser.' },
  demo: { type: 'boolean', about: 'Add a demo agent and show what to try; needs no key.' },
} as const;

/** The command over a host, which is loaded only when the command runs: it brings the whole core with it. */
export const createServe = (loadHost: () => Promise<StartHeadless>): Command =>
  command({
    name: 'serve',
    operands: [],
    about: 'Run the core until it is stopped (SIGTERM or Ctrl-C drains; again ends at once).',
    options,
    run: (invocation) => serveWith(loadHost, invocation),
  });

/** The command over the headless host. */
export const serve = createServe(async () => (await import('../../headless.ts')).startHeadless);

/** Start the host, say where it is, wait for the signal, drain. */
async function serveWith(
  loadHost: () => Promise<StartHeadless>,
  invocation: Invocation<typeof options>,
): Promise<Outcome> {
  const chosen = await chooseOptions(invocation);
  if (chosen.kind === 'failed') return chosen;
  keepYoungGenerationSmall();
  const startHeadless = await loadHost();
  const shutdown = awaitShutdown(() =>
    process.stderr.write('Stopping: calls in flight may finish. Once more to stop at once.\n'),
  );
  try {
    const running = await startHeadless(chosen.options);
    process.stdout.write(`${invocation.json ? announce(running) : welcome(running, invocation.program)}\n`);
    if (invocation.options.open) await open(running);
    await shutdown.requested;
    await running.stop();
    return { kind: 'ended', exitCode: 0 };
  } catch (error) {
    const problem = findStartProblem(error);
    if (problem === null) throw error;
    return { kind: 'failed', ...problem };
  }
}

type Chosen = { readonly kind: 'chosen'; readonly options: HeadlessOptions } | Extract<Outcome, { kind: 'failed' }>;

async function chooseOptions({ options: given, home, env, program }: Invocation<typeof options>): Promise<Chosen> {
  const agentPort = parseCount('--port', given.port, PORTS);
  const consolePort = parseCount('--console-port', given['console-port'], PORTS);
  const loaded = await loadConfiguration(given.config);
  if (loaded.kind === 'failed') return loaded;
  const configuration = loaded.value;
  const ports = {
    agentPort: agentPort ?? configuration?.agent_port ?? DEFAULT_AGENT_PORT,
    consolePort: consolePort ?? configuration?.console_port ?? DEFAULT_CONSOLE_PORT,
  };
  if (ports.agentPort !== 0 && ports.agentPort === ports.consolePort) {
    throw new BadInput(`agents and the console need two different ports, not ${ports.agentPort} for both`);
  }
  return {
    kind: 'chosen',
    options: {
      home,
      ...ports,
      configuration,
      configFile: given.config === undefined ? null : resolve(given.config),
      demo: given.demo,
      program,
      env,
      log: createStreamLog(process.stderr, Date.now),
    },
  };
}

type Loaded = { readonly kind: 'loaded'; readonly value: Configuration | null } | Extract<Outcome, { kind: 'failed' }>;

async function loadConfiguration(file: string | undefined): Promise<Loaded> {
  if (file === undefined) return { kind: 'loaded', value: null };
  // The schema brings the price catalogue with it, which no other command should wait for.
  const { configurationFailure, readConfiguration } = await import('../configuration-file.ts');
  const parsed = await readConfiguration(file);
  switch (parsed.kind) {
    case 'failed':
      return parsed;
    case 'problems':
      return configurationFailure(parsed);
    case 'configuration':
      return { kind: 'loaded', value: parsed.value };
  }
}

/** The one line that a supervising program reads. */
const announce = (running: Headless): string =>
  renderJson({
    agent_url: running.agentUrl,
    console_url: running.consoleUrl,
    launch_url: running.launchUrl,
    pid: running.pid,
  });

function welcome(running: Headless, { here }: HomeProgram): string {
  const lines = [
    `Rungate is running (pid ${running.pid}). Stop it with Ctrl-C.`,
    '',
    `  Agents call   ${running.agentUrl}`,
    `  Open console  ${running.launchUrl}`,
  ];
  if (running.demo === null) lines.push(`  Add an agent  ${here} agents add NAME  (${whereElse(here)})`);
  else {
    const [curl, sdk] = renderDemoLines(running.agentUrl, running.demo, process.platform);
    lines.push(
      '',
      process.platform === 'win32' ? 'Try it in another terminal (Command Prompt):' : 'Try it in another terminal:',
      '',
      `  ${curl}`,
      '',
      'or with the OpenAI SDK for Node, in this folder or where `npm install openai` was run:',
      '',
      `  ${sdk}`,
    );
  }
  return escapeText(lines.join('\n'));
}

/** npx finds this program in the folder it was started in, and must not be asked in another. */
const whereElse = (here: string): string =>
  here.startsWith('npx ') ? 'in another terminal, in this folder' : 'in another terminal';

async function open(running: Headless): Promise<void> {
  if (await openBrowser(running.launchUrl)) return;
  process.stderr.write('No browser could be opened; open the console’s address yourself.\n');
}
