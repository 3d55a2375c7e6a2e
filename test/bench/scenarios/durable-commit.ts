import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../measure.ts';
import { createSampleStore } from './sample-store.ts';

/** The disk under the temporary folder, which also holds Rungate's home in these measurements. */
export interface Disk {
  /** How long one admission takes to become durable in a store of its own: the median of a few, microseconds. */
  commit(): Promise<number>;
  /** The same until it is committed only. */
  readonly committed: readonly number[];
  close(): Promise<void>;
}

const SAMPLES = 5;

/** A store on this machine's disk, used for nothing else. */
export async function createDisk(): Promise<Disk> {
  const sample = await createSampleStore();
  const committed: number[] = [];
  return {
    committed,
    async commit() {
      const durable: number[] = [];
      for (let index = 0; index < SAMPLES; index += 1) {
        const start = process.hrtime.bigint();
        const since = (): number => Number(process.hrtime.bigint() - start) / 1000;
        const receipt = sample.admit('run_disk');
        await receipt.committed;
        committed.push(since());
        await receipt.durable;
        durable.push(since());
      }
      return median(durable);
    },
    close: () => sample.close(),
  };
}

const BLOCK = Buffer.alloc(4_096, 7);
const SYNCS = 60;

/** Median of one append of 4 KB and its fdatasync, microseconds: what the disk itself takes. */
export function measureSync(): number {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-bench-sync-'));
  const file = openSync(join(folder, 'log'), 'w');
  const times: number[] = [];
  try {
    for (let index = 0; index < SYNCS; index += 1) {
      const start = process.hrtime.bigint();
      writeSync(file, BLOCK);
      fdatasyncSync(file);
      times.push(Number(process.hrtime.bigint() - start) / 1000);
    }
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
  return median(times);
}
