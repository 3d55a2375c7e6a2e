import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createExportDesk, type ExportDesk } from '../../../proxy-core/exports/export-desk.ts';
import { openSigningKey } from '../../../proxy-core/signing/signing-key.ts';
import { verifyExport } from '../../../proxy-core/signing/verify-export.ts';
import { verifyStore } from '../../../proxy-core/signing/verify-store.ts';
import { createNumbers, type Message, renderChat, turnOf } from '../bodies.ts';
import { median } from '../measure.ts';
import { context, judged, type Row, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { createSampleStore, type SampleStore } from './sample-store.ts';
import type { Scenario } from './scenario.ts';

/** Exports of a long run, and how long checking them and the whole audit takes. */
export const exportsOfRuns: Scenario = {
  name: 'exports',
  behaviours: [],
  async run(_peers, settings) {
    const sample = await createSampleStore();
    try {
      await converse(sample, 'run_short', STEPS / 10);
      await converse(sample, 'run_long', STEPS);
      await audit(sample, settings.auditEvents);
      await sample.store.durable();
      return [await measureExports(sample, settings), verification(sample)];
    } finally {
      await sample.close();
    }
  },
};

const STEPS = 5_000;
/** A call, the tool call of its answer, and that tool's result with the next request. */
const STEPS_PER_CALL = 3;
const TURN_BYTES = 250;

/** A conversation that grows with every call, all of it stored. */
async function converse(sample: SampleStore, runId: string, steps: number): Promise<void> {
  const next = createNumbers(11);
  const turns: Message[] = [];
  for (let call = 0; call * STEPS_PER_CALL < steps; call += 1) {
    turns.push(...turnOf(call, TURN_BYTES, next));
    const results = call === 0 ? [] : [{ callId: `call_${runId}_${call - 1}`, isError: false }];
    const { exchangeId, committed } = sample.admit(runId, results);
    await committed;
    const answer = { id: `chatcmpl-${call}`, choices: [{ index: 0, message: turns.at(-2), finish_reason: 'stop' }] };
    void sample.store.write('storeRequest', { exchangeId, body: Buffer.from(renderChat('bench-model', turns, {})) });
    void sample.store.write('storeResponse', { exchangeId, body: Buffer.from(JSON.stringify(answer)) });
    const toolCall = { callId: `call_${runId}_${call}`, name: 'read_file', server: false, argsText: '{"path":"a.ts"}' };
    await sample.settle(exchangeId, [toolCall]).committed;
  }
}

const IN_FLIGHT = 512;

/** Further runs until the audit is about this long. */
async function audit(sample: SampleStore, events: number): Promise<void> {
  const missing = events - (sample.store.read.auditHead()?.seq ?? 0);
  for (let call = 0; call < missing / 2; call += IN_FLIGHT) {
    const one = async (index: number): Promise<void> => {
      const { exchangeId, committed } = sample.admit(`run_${(call + index) % 1_000}`);
      await committed;
      await sample.settle(exchangeId).committed;
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => one(index)));
  }
}

interface Exported {
  readonly milliseconds: number;
  readonly bytes: number;
  /** How far the resident memory of the process rose while it was made, bytes. */
  readonly rise: number;
  readonly verify: number;
}

let made = 0;

async function exportOnce(desk: ExportDesk, runId: string, format: 'html' | 'json', key: string): Promise<Exported> {
  made += 1;
  const exportId = `exp_${String(made).padStart(10, '0')}`;
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const begin = performance.now();
  const of = { kind: 'run', runId } as const;
  const result = await desk.prepare({ exportId, of, format, prompts: true, paper: 'A4' });
  const milliseconds = performance.now() - begin;
  clearInterval(sampler);
  const ready = desk.find(exportId);
  if (result.kind !== 'ready' || ready === null) throw new Error(`no export: ${JSON.stringify(result)}`);
  const verifying = performance.now();
  if (!verifyExport(ready.path, key).ok) throw new Error('the export does not verify');
  const verify = performance.now() - verifying;
  desk.remove(exportId);
  return { milliseconds, bytes: result.prepared.bytes, rise: peak - before, verify };
}

const GOAL_MS = 3_000;
/** What a thread of its own takes anyway, and what may be buffered; a run held whole would take far more. */
const FLAT_BYTES = 64 * 1_048_576;

async function measureExports({ home, path }: SampleStore, settings: Settings): Promise<Section> {
  const key = await openSigningKey(home, { env: {}, keychain: null, passphrase: async () => null });
  if (key.kind !== 'opened') throw new Error(key.problem);
  const desk = createExportDesk({
    home,
    store: path,
    version: 'bench',
    clock: { now: Date.now },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    bus: { publish: () => undefined },
    key,
    patterns: [],
    findPrinter: async () => null,
    timeZone: 'UTC',
  });
  const rows: Row[] = [];
  try {
    for (const format of ['html', 'json'] as const) {
      const times: Exported[] = [];
      const short = await exportOnce(desk, 'run_short', format, key.key.fingerprint);
      for (let round = 0; round < Math.min(3, settings.rounds); round += 1)
        times.push(await exportOnce(desk, 'run_long', format, key.key.fingerprint));
      const time = median(times.map(({ milliseconds }) => milliseconds));
      const rise = Math.max(...times.map((one) => one.rise));
      const name = `export ${format}: a ${STEPS}-step run`;
      const size = `${((times[0]?.bytes ?? 0) / 1_048_576).toFixed(1)} MiB`;
      const value = `${time.toFixed(0)} ms, ${size}`;
      rows.push(format === 'html' ? judged(name, value, `<= ${GOAL_MS} ms`, time <= GOAL_MS) : context(name, value));
      const memory = `${(rise / 1_048_576).toFixed(0)} MiB (a run of a tenth: ${(short.rise / 1_048_576).toFixed(0)} MiB)`;
      rows.push(judged(`export ${format}: memory`, memory, 'flat: <= 64 MiB more', rise - short.rise <= FLAT_BYTES));
      rows.push(context(`verify ${format}`, `${median(times.map((one) => one.verify)).toFixed(0)} ms`));
    }
  } finally {
    await desk.close();
    rmSync(join(home, 'exports'), { recursive: true, force: true });
  }
  return { title: `Export of a ${STEPS}-step run, prompts and answers included`, rows };
}

const MILLION = 1_000_000;

function verification({ path }: SampleStore): Section {
  const begin = performance.now();
  const { records, broken } = verifyStore({ path, trustedKey: null, anchors: [] }, () => undefined);
  const seconds = (performance.now() - begin) / 1000;
  const projected = (seconds * MILLION) / records;
  const value = `${seconds.toFixed(1)} s (${projected.toFixed(1)} s per 1,000,000)`;
  return {
    title: `rungate verify of ${records} audit records`,
    rows: [judged('verify', value, '<= 15 s per 1,000,000', broken === null && projected <= 15)],
  };
}
