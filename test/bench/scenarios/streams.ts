import { createBodies } from '../bodies.ts';
import { openConnection, type Timed } from '../client.ts';
import { interleave, median, pause, quantile } from '../measure.ts';
import type { Behaviour, Peer } from '../peers/peer.ts';
import { cpuMicroseconds, residentMegabytes } from '../peers/program.ts';
import { context, judged, ms, type Row, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { peerNamed, type Scenario } from './scenario.ts';

const FEW = 100;
const MANY = 200;
const CHUNKS_PER_SECOND = 50;
const EVERY = 1000 / CHUNKS_PER_SECOND;
const FIRST = 20;

const behaviourFor = (seconds: number): Behaviour => `stream-${seconds * CHUNKS_PER_SECOND}-${EVERY}-${FIRST}`;

interface StreamLoad {
  readonly timed: readonly Timed[];
  readonly cpu: number | null;
  readonly chunks: number;
}

/** So many streams side by side through one peer, begun evenly over a second. */
async function stream(peer: Peer, count: number, seconds: number): Promise<StreamLoad> {
  const target = peer.target(behaviourFor(seconds));
  const body = createBodies(1024, { stream: true });
  const cpuBefore = peer.pid === null ? null : cpuMicroseconds(peer.pid);
  const one = async (_: unknown, index: number): Promise<Timed> => {
    await pause((index * 1000) / count);
    const connection = openConnection(target.origin);
    try {
      return await connection.post(target, body(target.model));
    } finally {
      await connection.close();
    }
  };
  const timed = await Promise.all(Array.from({ length: count }, one));
  const cpuAfter = peer.pid === null ? null : cpuMicroseconds(peer.pid);
  return {
    timed,
    chunks: count * seconds * CHUNKS_PER_SECOND,
    cpu: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
  };
}

/** CPU that a chunk costs a proxy: the whole process, reading and writing sockets included, and what is not in the floor. */
export const streams: Scenario = {
  name: 'streams',
  behaviours: [behaviourFor(2), behaviourFor(5), behaviourFor(10)],
  async run(peers, settings) {
    const seconds = settings.chunkSeconds;
    const measured = peers.filter((peer) => peer.streams && peer.pid !== null && peer.name !== 'nginx');
    for (const peer of measured) await stream(peer, FEW, seconds);
    const results = await interleave(measured, 2, (peer) => stream(peer, FEW, seconds));
    const perChunk = new Map(
      [...results].map(([peer, loads]) => [
        peer.name,
        median(loads.map(({ cpu, chunks }) => (cpu ?? Number.NaN) / chunks)),
      ]),
    );
    const own = perChunk.get('rungate') ?? Number.NaN;
    const added = own - (perChunk.get('raw') ?? 0);
    const rows: Row[] = [...perChunk].map(([name, value]) =>
      context(`${name}, whole process`, `${value.toFixed(1)} us`),
    );
    const known = Number.isFinite(added);
    rows.push(
      judged('per-chunk CPU beyond the floor', `${added.toFixed(1)} us`, '<= 20 us', known ? added <= 20 : null),
    );
    return [{ title: `CPU per chunk, ${FEW} streams of ${CHUNKS_PER_SECOND} chunks/s for ${seconds} s`, rows }];
  },
};

/** 200 streams side by side: the event loop stays free and memory flat. */
export const manyStreams: Scenario = {
  name: 'many-streams',
  behaviours: [behaviourFor(4), behaviourFor(20), behaviourFor(300)],
  async run(peers, settings) {
    const rungate = peerNamed(peers, 'rungate');
    return rungate?.pid == null ? [] : [await manyThrough(rungate, rungate.pid, settings)];
  },
};

async function manyThrough(rungate: Peer, pid: number, settings: Settings): Promise<Section> {
  const seconds = settings.streamSeconds;
  await stream(rungate, FEW, 2);
  rungate.loop?.reset();
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(residentMegabytes(pid)?.now ?? Number.NaN), 500);
  const { timed, cpu, chunks } = await stream(rungate, MANY, seconds);
  clearInterval(sampler);
  const loop = await rungate.loop?.read();
  const broken = timed.filter(({ status }) => status !== 200).length;
  const firstBytes = quantile(
    timed.map(({ first, upstream }) => first - upstream),
    0.99,
  );
  const peak = Math.max(...samples);
  // Flat: the last third of the time holds hardly more than the middle one. The first fills caches.
  const third = Math.floor(samples.length / 3);
  const growth = median(samples.slice(-third)) / median(samples.slice(third, 2 * third)) - 1;
  return {
    title: `${MANY} concurrent streams, ${CHUNKS_PER_SECOND} chunks/s each, ${seconds} s`,
    rows: [
      judged(
        'streams: event-loop delay p99',
        `${loop?.p99.toFixed(1)} ms`,
        '<= 30 ms',
        loop === undefined ? null : loop.p99 <= 30,
      ),
      context('event-loop delay, highest', `${loop?.max.toFixed(1)} ms`),
      judged('streams: highest resident memory', `${peak.toFixed(0)} MiB`, '<= 512 MiB', peak <= 512),
      judged(
        'streams: memory growth, last third over middle third',
        `${(growth * 100).toFixed(1)} %`,
        '<= 10 %',
        growth <= 0.1,
      ),
      judged('streams: added first byte p99', ms(firstBytes), '<= 25 ms', firstBytes <= 25_000),
      judged('streams: not answered 200', String(broken), '0', broken === 0),
      context('CPU', cpu === null ? 'unknown' : `${(cpu / chunks).toFixed(1)} us per chunk`),
    ],
  };
}
