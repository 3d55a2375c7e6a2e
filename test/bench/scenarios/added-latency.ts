import { createBodies } from '../bodies.ts';
import { type Connection, openConnection, type Timed } from '../client.ts';
import { interleave, median } from '../measure.ts';
import type { Behaviour, Peer, PeerName } from '../peers/peer.ts';
import { context, judged, ms, type Row, ratio, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { createDisk, type Disk } from './durable-commit.ts';
import type { Scenario } from './scenario.ts';

/** Added latency of sequential calls: what a peer takes beyond the direct way, the upstream's own time subtracted. */
export const addedLatency: Scenario = {
  name: 'added-latency',
  behaviours: ['wait-20', 'stream-5-5-20'],
  async run(peers, settings) {
    const disk = await createDisk();
    try {
      return [
        await smallJson(peers, settings, disk),
        await largeJson(peers, settings, 200 * 1024, '200 KB'),
        await largeJson(peers, settings, 1024 * 1024, '1 MB'),
        await firstByte(peers, settings),
      ];
    } finally {
      await disk.close();
    }
  },
};

interface Sequence {
  readonly behaviour: Behaviour;
  readonly rounds: number;
  readonly calls: number;
  body(model: string): Uint8Array;
  /** What of a call counts, microseconds. */
  measured(timed: Timed): number;
}

type Added = ReadonlyMap<PeerName, number>;

/** Each peer's added time in microseconds: the median over rounds of its round's median less the direct way's. */
async function measureAdded(peers: readonly Peer[], sequence: Sequence, between: () => Promise<void>): Promise<Added> {
  const connections = new Map(peers.map((peer) => [peer, openConnection(peer.target(sequence.behaviour).origin)]));
  const round = async (peer: Peer): Promise<number> => {
    const connection = connections.get(peer);
    if (connection === undefined) return Number.NaN;
    await between();
    return roundMedian(connection, peer, sequence);
  };
  for (const peer of peers) await round(peer); // warms pools, caches and the optimiser
  await Promise.all(peers.map(round)); // and lets them settle side by side once
  const results = await interleave(peers, sequence.rounds, round);
  await Promise.all([...connections.values()].map((connection) => connection.close()));
  const direct = [...results].find(([peer]) => peer.name === 'direct')?.[1] ?? [];
  return new Map(
    [...results].map(([peer, values]) => [
      peer.name,
      median(values.map((value, index) => value - (direct[index] ?? 0))),
    ]),
  );
}

async function roundMedian(connection: Connection, peer: Peer, sequence: Sequence): Promise<number> {
  const target = peer.target(sequence.behaviour);
  const times: number[] = [];
  for (let call = 0; call < sequence.calls; call += 1) {
    const timed = await connection.post(target, sequence.body(target.model));
    if (timed.status !== 200) throw new Error(`${peer.name} answered ${timed.status}`);
    times.push(sequence.measured(timed) - timed.upstream);
  }
  return median(times);
}

const nothing = async (): Promise<void> => undefined;

async function smallJson(peers: readonly Peer[], settings: Settings, disk: Disk): Promise<Section> {
  const commits: number[] = [];
  const added = await measureAdded(
    peers,
    {
      behaviour: 'wait-20',
      rounds: settings.rounds,
      calls: settings.callsPerRound,
      body: createBodies(1024),
      measured: (timed) => timed.total,
    },
    async () => void commits.push(await disk.commit()),
  );
  const commit = median(commits);
  const own = of(added, 'rungate');
  const floor = 1.5 * of(added, 'raw') + commit;
  const portkey = added.get('portkey');
  return {
    title: 'Added latency, sequential, 1 KB JSON, the upstream waiting 20 ms',
    rows: [
      ...addedRows(added),
      context('one durable commit (same run)', ms(commit)),
      judged('against 1.5 x raw + one durable commit', ratio(own / floor), `<= 1 (${ms(floor)})`, own <= floor),
      judged(
        "against Portkey's",
        portkey === undefined ? 'no Portkey' : ratio(own / portkey),
        '<= 0.5 x',
        portkey === undefined ? null : own <= 0.5 * portkey,
      ),
    ],
  };
}

async function largeJson(peers: readonly Peer[], settings: Settings, bytes: number, name: string): Promise<Section> {
  const body = createBodies(bytes);
  const sequence: Sequence = {
    behaviour: 'wait-20',
    rounds: settings.rounds,
    calls: settings.largeCallsPerRound,
    body,
    measured: (timed) => timed.total,
  };
  const added = await measureAdded(peers, sequence, nothing);
  const own = of(added, 'rungate');
  const raw = of(added, 'raw');
  const rows = [...addedRows(added), judged(`${name}: against raw`, ratio(own / raw), '<= 1.6 x', own <= 1.6 * raw)];
  if (bytes === 1024 * 1024) rows.push(judged(`${name}: in all`, ms(own), '<= 15 ms', own <= 15_000));
  return { title: `Added latency, sequential, ${name} body (a long agent conversation)`, rows };
}

async function firstByte(peers: readonly Peer[], settings: Settings): Promise<Section> {
  const streaming = peers.filter((peer) => peer.streams);
  const sequence: Sequence = {
    behaviour: 'stream-5-5-20',
    rounds: settings.rounds,
    calls: settings.callsPerRound,
    body: createBodies(1024, { stream: true }),
    measured: (timed) => timed.first,
  };
  const added = await measureAdded(streaming, sequence, nothing);
  const own = of(added, 'rungate');
  const raw = of(added, 'raw');
  return {
    title: 'First byte of an ungated stream, added, the first chunk after 20 ms',
    rows: [...addedRows(added), judged('first byte: against raw', ratio(own / raw), '<= 1.4 x', own <= 1.4 * raw)],
  };
}

const of = (added: Added, name: PeerName): number => added.get(name) ?? Number.NaN;

const addedRows = (added: Added): readonly Row[] =>
  [...added].filter(([name]) => name !== 'direct').map(([name, value]) => context(name, ms(value)));
