import { describeMachine } from './machine.ts';
import { type Peers, startPeers } from './peers/start-peers.ts';
import { renderSection, renderSummary, type Section } from './report.ts';
import { addedLatency } from './scenarios/added-latency.ts';
import { console } from './scenarios/console.ts';
import { consoleDecisions } from './scenarios/console-decisions.ts';
import { exportsOfRuns } from './scenarios/exports.ts';
import { pure } from './scenarios/pure.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { start } from './scenarios/start.ts';
import { store } from './scenarios/store.ts';
import { manyStreams, streams } from './scenarios/streams.ts';
import { throughput } from './scenarios/throughput.ts';
import { readSettings, type Settings, USAGE } from './settings.ts';

/**
 * `npm run bench`: every figure of the headless core that has a goal, measured beside its peers in one run. Machines
 * are shared and noisy, so rounds are interleaved, a figure is the median of round medians, and goals are ratios.
 */
const SCENARIOS: readonly Scenario[] = [
  addedLatency,
  streams,
  throughput,
  manyStreams,
  store,
  pure,
  start,
  exportsOfRuns,
  console,
  consoleDecisions,
];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(settings: Settings): Promise<void> {
  const chosen = SCENARIOS.filter(({ name }) => settings.scenarios?.includes(name) ?? true);
  const behaviours = [...new Set(chosen.flatMap((scenario) => scenario.behaviours))];
  const machine = describeMachine();
  if (!settings.json)
    say(
      `${Object.entries(machine)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}\n`,
    );
  const peers: Peers | null =
    behaviours.length === 0
      ? null
      : await startPeers(behaviours, { profileTo: settings.profileTo, only: settings.peers });
  const sections: Section[] = [];
  try {
    for (const { why, name } of peers?.skipped ?? []) if (!settings.json) say(`skipped ${name}: ${why}\n`);
    for (const scenario of chosen) {
      for (const section of await scenario.run(peers?.peers ?? [], settings)) {
        sections.push(section);
        if (!settings.json) say(renderSection(section));
      }
    }
  } finally {
    await peers?.stop();
  }
  if (settings.json) say(JSON.stringify({ machine, skipped: peers?.skipped ?? [], sections }));
  else say(renderSummary(sections));
}

try {
  await main(readSettings(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n\n${USAGE}\n`);
  process.exitCode = 1;
}
