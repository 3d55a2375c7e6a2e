import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoopProbe, Peer } from './peer.ts';
import { type Program, startNode } from './program.ts';

const TOKEN = 'rg_agt_benchmark0123456789';
const BUNDLE = fileURLToPath(new URL('../../../dist/rungate.js', import.meta.url));
const PROBE = fileURLToPath(new URL('loop-probe.ts', import.meta.url));

/**
 * Rungate as users run it: the built program, a configuration file, an agent with a team, caps on all three levels, a
 * policy with rules that never match, prices, full audit, a durable store on the disk that holds the temporary folder.
 * `behaviours` are the ways in which the upstream will be asked to answer: each is a provider with its own base URL.
 */
export async function startRungate(
  upstreamOrigin: string,
  behaviours: readonly string[],
  options: { readonly profileTo?: string | undefined } = {},
): Promise<Peer> {
  const home = mkdtempSync(join(tmpdir(), 'rungate-bench-home-'));
  writeFileSync(join(home, 'policy.yaml'), POLICY);
  writeFileSync(join(home, 'rungate.yaml'), configuration(upstreamOrigin, behaviours));
  const profile = options.profileTo === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', options.profileTo];
  const program = startNode(
    [
      ...profile,
      '--import',
      PROBE,
      BUNDLE,
      'serve',
      '--json',
      '--port',
      '0',
      '--console-port',
      '0',
      '--home',
      home,
    ].concat(['--config', join(home, 'rungate.yaml')]),
    { ...process.env, BENCH_KEY: 'sk-bench', BENCH_TOKEN: TOKEN },
  );
  const { agent_url } = JSON.parse(await program.firstLine) as { readonly agent_url: string };
  return {
    name: 'rungate',
    pid: program.pid,
    streams: true,
    loop: probeOf(program),
    target: (behaviour) => ({
      origin: agent_url,
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${TOKEN}` },
      model: behaviour,
    }),
    stop: async () => {
      await program.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function configuration(upstreamOrigin: string, behaviours: readonly string[]): string {
  const providers = behaviours.map(
    (name) =>
      `  - { id: ${name}, base_url: "${upstreamOrigin}/${name}/v1", formats: [chat], models: ["${name}"], key: "env:BENCH_KEY" }`,
  );
  const prices = behaviours.map((name) => `  "${name}": { input_per_mtok: 0.01, output_per_mtok: 0.1 }`);
  return `providers:
${providers.join('\n')}
teams: [{ name: bench, budget: { usd: 1000000, window: month } }]
agents:
  - { name: bench, team: bench, budget: { run_usd: 100000, usd: 500000, window: day }, token: "env:BENCH_TOKEN" }
policies: [./policy.yaml]
prices:
${prices.join('\n')}
`;
}

const POLICY = `policy: default
budget: { run_usd: 100000, alert_at: [0.8], on_unpriced: block }
rules:
  - { rule: no-such-model, match: { model: { $in: [forbidden-1, forbidden-2] } }, action: block }
  - { rule: very-expensive, match: { estimated_cost_usd: { $gte: 1000 } }, action: block }
  - { rule: refunds, match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }, action: alert }
  - { rule: deletions, match: { tool: delete_account }, action: block }
`;

/** What the preloaded probe measures. */
function probeOf({ child }: Program): LoopProbe {
  return {
    reset: () => void child.send('reset'),
    read: () =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve(message as { p99: number; max: number }));
        child.send('read');
      }),
  };
}
