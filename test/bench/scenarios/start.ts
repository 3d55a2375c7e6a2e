import { fileURLToPath } from 'node:url';
import { verifyChain } from '../../../proxy-core/audit/chain.ts';
import type { AuditRecord } from '../../../proxy-core/contract/records.ts';
import { openReader } from '../../../proxy-core/store/reader.ts';
import { sha256 } from '../../../proxy-core/store/tables/audit.ts';
import { median } from '../measure.ts';
import { startNode } from '../peers/program.ts';
import { context, judged, type Row, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { createSampleStore, type SampleStore } from './sample-store.ts';
import type { Scenario } from './scenario.ts';

const BUNDLE = fileURLToPath(new URL('../../../dist/rungate.js', import.meta.url));
/** Audit records of one run with four settled calls. */
const RECORDS_PER_RUN = 10;
const CALLS_PER_RUN = 4;
const LONG_RUN_STEPS = 5_000;
const IN_FLIGHT = 512;

/** A core with a long history: how soon it is ready, and how soon its lists are there. */
export const start: Scenario = {
  name: 'start',
  behaviours: [],
  async run(_peers, settings) {
    const sample = await createSampleStore();
    await fill(sample, settings);
    const events = sample.store.read.audit({ afterSeq: 0, limit: 1 }).length === 0 ? 0 : lastSeq(sample);
    await sample.shut();
    try {
      return [await measureStart(sample, events, settings)];
    } finally {
      await sample.close();
    }
  },
};

async function fill(sample: SampleStore, settings: Settings): Promise<void> {
  const runs = Math.round(settings.auditEvents / RECORDS_PER_RUN);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let run = next; run < runs; run = next) {
      next += 1;
      for (let call = 0; call < CALLS_PER_RUN; call += 1) await carryOut(sample, `run_${run}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, runs) }, work));
  for (let step = 0; step < LONG_RUN_STEPS; step += IN_FLIGHT) {
    const count = Math.min(IN_FLIGHT, LONG_RUN_STEPS - step);
    await Promise.all(Array.from({ length: count }, () => carryOut(sample, 'run_long')));
  }
}

async function carryOut(sample: SampleStore, runId: string): Promise<void> {
  const admission = sample.admit(runId);
  await admission.committed;
  await sample.settle(admission.exchangeId).committed;
}

function lastSeq(sample: SampleStore): number {
  let low = 0;
  let high = 1;
  const exists = (seq: number): boolean => sample.store.read.audit({ afterSeq: seq - 1, limit: 1 }).length > 0;
  while (exists(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (exists(middle)) low = middle;
    else high = middle;
  }
  return low;
}

async function measureStart(sample: SampleStore, events: number, settings: Settings): Promise<Section> {
  const ready: number[] = [];
  for (let round = 0; round < Math.min(3, settings.rounds); round += 1) ready.push(await startOnce(sample.home));
  const reader = openReader(sample.path, Date.now);
  try {
    const list = timed(() => reader.read.runs({ limit: 50 }));
    const filtered = timed(() => reader.read.runs({ states: ['open'], agents: ['bench'], costOver: 1, limit: 50 }));
    const opened = timed(() => [reader.read.steps('run_long', { limit: 5_000 }), reader.read.exchanges('run_long')]);
    const verify = verifyAll(reader.read.audit);
    return {
      title: `Start and lists with ${events} audit records`,
      rows: [
        within('start: headless, ready', median(ready), 3_000),
        within('runs list, first page', list, 50),
        within('runs list, filtered', filtered, 150),
        within('a 5,000-step run opens (query)', opened, 300),
        judgeVerify(verify, events),
      ],
    };
  } finally {
    reader.close();
  }
}

/** Milliseconds from starting the program to its line that says it is ready. */
async function startOnce(home: string): Promise<number> {
  const begin = performance.now();
  const program = startNode([BUNDLE, 'serve', '--json', '--port', '0', '--console-port', '0', '--home', home]);
  await program.firstLine;
  const ready = performance.now() - begin;
  await program.stop();
  return ready;
}

function timed(work: () => unknown): number {
  work();
  const times = Array.from({ length: 5 }, () => {
    const begin = performance.now();
    work();
    return performance.now() - begin;
  });
  return median(times);
}

const PAGE = 10_000;

interface Verification {
  readonly kind: string;
  readonly milliseconds: number;
}

type ReadAudit = (filter: { afterSeq: number; limit: number }) => readonly AuditRecord[];

function verifyAll(read: ReadAudit): Verification {
  function* records(): Generator<AuditRecord> {
    for (
      let page = read({ afterSeq: 0, limit: PAGE });
      page.length > 0;
      page = read({ afterSeq: page.at(-1)?.seq ?? 0, limit: PAGE })
    )
      yield* page;
  }
  const begin = performance.now();
  const { kind } = verifyChain(records(), sha256);
  return { kind, milliseconds: performance.now() - begin };
}

const MILLION = 1_000_000;

function judgeVerify({ kind, milliseconds }: Verification, events: number): Row {
  const projected = (milliseconds * MILLION) / events;
  const value = `${kind}, ${(milliseconds / 1000).toFixed(1)} s (${(projected / 1000).toFixed(1)} s per 1,000,000)`;
  return judged('audit chain verified', value, '<= 15 s per 1,000,000', kind === 'ok' && projected <= 15_000);
}

const within = (figure: string, milliseconds: number, most: number): Row =>
  Number.isFinite(milliseconds)
    ? judged(figure, `${milliseconds.toFixed(1)} ms`, `<= ${most} ms`, milliseconds <= most)
    : context(figure, 'not measured');
