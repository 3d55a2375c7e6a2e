import { hash } from 'node:crypto';
import { fingerprint } from '../../../proxy-core/runs/fingerprint.ts';
import { createBodies } from '../bodies.ts';
import { median } from '../measure.ts';
import { judged, ms, type Section } from '../report.ts';
import type { Scenario } from './scenario.ts';

/** Pure work of a call, measured in this process. */
export const pure: Scenario = {
  name: 'pure',
  behaviours: [],
  run: async (_peers, settings) => [fingerprintOf(settings.rounds)],
};

/** Median time of one call of `work`, microseconds. */
export function timeOf(rounds: number, work: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < rounds * 4; round += 1) {
    const start = process.hrtime.bigint();
    work();
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return median(times.slice(Math.floor(times.length / 4))); // the first quarter warms the optimiser
}

function fingerprintOf(rounds: number): Section {
  const bodyText = Buffer.from(createBodies(1024 * 1024)('bench-model')).toString('utf8');
  const parts = { agentId: 'agt_bench', runId: 'run_bench', method: 'POST', path: '/v1/chat/completions', bodyText };
  const time = timeOf(rounds, () => fingerprint(parts, (text) => hash('sha256', text, 'hex')));
  return {
    title: 'Fingerprint of a 1 MB body',
    rows: [judged('fingerprint', ms(time), '<= 12 ms', time <= 12_000)],
  };
}
