import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import { first } from '../../proxy-core/store/migrations/010-first.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';

/** Processes are killed with SIGKILL in the middle of their work; what they had been told must be there afterwards. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

interface Told {
  readonly lines: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Run the writing program until it ends, or kill it when it has said `killAfter` lines. */
async function runWriter(prefix: string, options: { failPoint?: string; killAfter?: number }): Promise<Told> {
  const child = spawn(process.execPath, ['test/store/crash-writer.ts', home.path, prefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, RUNGATE_FAIL_POINT: options.failPoint ?? '' },
  });
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === options.killAfter) child.kill('SIGKILL');
  }
  return { lines, signal: await exited };
}

const said = ({ lines }: Told, word: string): readonly string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

function checkAcknowledged(store: Store, told: Told): void {
  for (const id of said(told, 'admitted')) expect(store.read.exchange(id), id).not.toBeNull();
  for (const id of said(told, 'settled'))
    expect(store.read.exchange(id), id).toMatchObject({ state: 'completed', cost_nano: 60 });
  for (const id of said(told, 'stored'))
    expect(
      Buffer.from(store.read.requestBody(id) ?? [])
        .toString()
        .trimEnd(),
      id,
    ).toMatch(new RegExp(`^body of ${id}( \\.*)?$`));
}

/** Money adds up, every change of it has its one audit record, and the chain holds. */
function checkInvariants(store: Store): void {
  const exchanges = store.read.exchanges('run_1');
  const spent = exchanges.reduce((sum, exchange) => sum + (exchange.cost_nano ?? 0), 0);
  const held = exchanges
    .filter(({ state }) => state === 'open')
    .reduce((sum, exchange) => sum + exchange.reserved_nano, 0);
  const run = store.read.run('run_1');
  if (run !== null) {
    expect(run).toMatchObject({ spent_nano: spent, reserved_nano: held, exchanges: exchanges.length });
    expect(store.read.budget('agent', 'agt_1')).toMatchObject({ spent_nano: spent, reserved_nano: held });
    expect(store.read.budget('team', 'home')).toMatchObject({ spent_nano: spent, reserved_nano: held });
  }
  const audit = store.read.audit({ afterSeq: 0, limit: 1_000_000 });
  expect(verifyChain(audit, sha256)).toMatchObject({ kind: 'ok' });
  const counted = (...kinds: readonly string[]) => audit.filter(({ kind }) => kinds.includes(kind)).length;
  expect(counted('budget.reserved')).toBe(exchanges.length);
  expect(counted('budget.settled', 'budget.recovered')).toBe(exchanges.filter(({ state }) => state !== 'open').length);
}

/** What a start after a crash finds, and what is left after it has recovered. */
async function checkAfterCrash(told: Told): Promise<void> {
  const store = await home.open();
  checkAcknowledged(store, told);
  checkInvariants(store);
  const open = store.read.exchanges('run_1').filter(({ state }) => state === 'open').length;
  expect(await store.write('recover', { at: NOON }).durable).toEqual({ settled: open });
  expect(await store.write('recover', { at: NOON }).durable).toEqual({ settled: 0 });
  checkInvariants(store);
  if (open > 0) expect(store.read.run('run_1')?.reserved_nano).toBe(0);
  await store.close();
}

describe('F1: killed', () => {
  const passes = [
    'before-commit:1',
    'before-commit:2',
    'before-commit:75',
    'after-commit:1',
    'after-commit:3',
    'after-commit:80',
    'before-fsync:1',
    'before-fsync:20',
    'after-fsync:1',
    'after-fsync:20',
    'mid-checkpoint:1',
    'mid-checkpoint:2',
  ];
  it.each(passes)('at %s, nothing acknowledged is lost and nothing is charged twice', async (failPoint) => {
    const told = await runWriter('a', { failPoint });
    expect(told.signal).toBe('SIGKILL');
    await checkAfterCrash(told);
  });

  it('before the first sync, nothing had been called durable though much was committed', async () => {
    const told = await runWriter('a', { failPoint: 'before-fsync:1' });
    expect(said(told, 'stored')).toEqual([]);
  });

  it('again and again at the same point, it goes on from what was there', async () => {
    for (const prefix of ['a', 'b', 'c']) {
      const told = await runWriter(prefix, { failPoint: 'after-commit:30' });
      expect(told.signal).toBe('SIGKILL');
      expect(said(told, 'admitted').length).toBeGreaterThan(0);
      await checkAfterCrash(told);
    }
  });
});

describe('F11: killed in a migration', () => {
  const last = first.statements.length;
  it.each([1, Math.floor(last / 2), last])(
    'after statement %i of it, the file is as before and the next start migrates it',
    async (statement) => {
      const told = await runWriter('a', { failPoint: `mid-migration:${statement}` });
      expect(told).toEqual({ lines: [], signal: 'SIGKILL' });
      const connection = new Database(home.path, { readonly: true });
      expect(connection.pragma('user_version', { simple: true })).toBe(0);
      expect(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
      connection.close();
      const store = await home.open();
      checkInvariants(store);
      await store.close();
    },
  );
});

describe('F2: killed at random under load', () => {
  it('twenty times over the same store, nothing acknowledged is lost', { timeout: 180_000 }, async () => {
    let acknowledged = 0;
    for (let round = 0; round < 20; round += 1) {
      const killAfter = 2 + ((round * 7_919) % 211);
      const told = await runWriter(`r${round}`, { killAfter });
      expect(told.signal).toBe('SIGKILL');
      acknowledged += told.lines.length;
      await checkAfterCrash(told);
    }
    expect(acknowledged).toBeGreaterThan(1_000);
  });
});

it('a writer that is not killed ends by itself and leaves what it wrote', async () => {
  const told = await runWriter('a', {});
  expect(told.signal).toBeNull();
  expect(told.lines.at(-1)).toBe('finished');
  await checkAfterCrash(told);
});
