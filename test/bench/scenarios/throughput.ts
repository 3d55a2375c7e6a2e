import { createBodies } from '../bodies.ts';
import { openConnection } from '../client.ts';
import { interleave, median } from '../measure.ts';
import type { Peer } from '../peers/peer.ts';
import { residentMegabytes } from '../peers/program.ts';
import { context, judged, ratio } from '../report.ts';
import { measureSync } from './durable-commit.ts';
import { createSampleStore } from './sample-store.ts';
import type { Scenario } from './scenario.ts';

const CONNECTIONS = 32;

interface Load {
  readonly perSecond: number;
  readonly refused: number;
}

/** Throughput of 32 connections, each sending its next call when it has its answer; the upstream answers at once. */
export const throughput: Scenario = {
  name: 'throughput',
  behaviours: ['wait-0'],
  async run(peers, settings) {
    for (const peer of peers) await load(peer, settings.throughputMs / 2);
    const results = await interleave(peers, settings.throughputRounds, (peer) => load(peer, settings.throughputMs));
    const rate = new Map([...results].map(([peer, rounds]) => [peer.name, median(rounds.map((one) => one.perSecond))]));
    const refused = [...results].flatMap(([peer, rounds]) => (peer.name === 'rungate' ? rounds : []));
    const own = rate.get('rungate') ?? Number.NaN;
    const raw = rate.get('raw') ?? Number.NaN;
    const portkey = rate.get('portkey');
    const rungate = peers.find((peer) => peer.name === 'rungate');
    const memory = rungate?.pid == null ? null : residentMegabytes(rungate.pid);
    const refusals = refused.reduce((sum, one) => sum + one.refused, 0);
    const sync = measureSync();
    const ceiling = await storeCeiling(settings.throughputMs);
    const enough = own >= 0.35 * raw || own >= 0.8 * ceiling;
    return [
      {
        title: `Throughput, ${CONNECTIONS} connections, 1 KB JSON, the upstream answering at once`,
        rows: [
          ...[...rate].map(([name, value]) => context(name, `${Math.round(value)} calls/s`)),
          context('one append + fdatasync of this disk', `${sync.toFixed(0)} us`),
          context('the store alone, admit + settle, durable, 32 at a time', `${Math.round(ceiling)} calls/s`),
          judged('throughput: against raw', ratio(own / raw), ">= 0.35 x, or 0.8 x the store's ceiling", enough),
          judged(
            "throughput: against Portkey's",
            portkey === undefined ? 'no Portkey' : ratio(own / portkey),
            '>= 4 x',
            portkey === undefined ? null : own >= 4 * portkey,
          ),
          judged('throughput: answers that were not 2xx', String(refusals), '0', refusals === 0),
          judged(
            'throughput: highest resident memory',
            memory === null ? 'unknown' : `${memory.peak.toFixed(0)} MiB`,
            '<= 250 MiB',
            memory === null ? null : memory.peak <= 250,
          ),
        ],
      },
    ];
  },
};

async function load(peer: Peer, milliseconds: number): Promise<Load> {
  const target = peer.target('wait-0');
  const body = createBodies(1024);
  const end = performance.now() + milliseconds;
  let calls = 0;
  let refused = 0;
  const start = performance.now();
  const work = async (): Promise<void> => {
    const connection = openConnection(target.origin);
    while (performance.now() < end) {
      const { status } = await connection.post(target, body(target.model));
      calls += 1;
      if (status < 200 || status > 299) refused += 1;
    }
    await connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return { perSecond: (calls * 1000) / (performance.now() - start), refused };
}

/** What the disk and the store allow: admissions and durable settlements, as many at a time, without any proxy. */
async function storeCeiling(milliseconds: number): Promise<number> {
  const sample = await createSampleStore();
  const end = performance.now() + milliseconds;
  const start = performance.now();
  let calls = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < end) {
      const admission = sample.admit('run_ceiling');
      await admission.committed;
      await sample.settle(admission.exchangeId).durable;
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const perSecond = (calls * 1000) / (performance.now() - start);
  await sample.close();
  return perSecond;
}
