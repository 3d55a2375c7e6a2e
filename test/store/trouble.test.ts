import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storageFailure } from '../../proxy-core/store/commit.ts';
import type { StoreNote } from '../../proxy-core/store/messages.ts';
import { openReader } from '../../proxy-core/store/reader.ts';
import { type Store, StoreUnavailable } from '../../proxy-core/store/store.ts';
import {
  admitInput,
  agentInput,
  NOON,
  OPERATOR,
  settleInput,
  type TemporaryHome,
  temporaryHome,
} from './fixture-store.ts';

let home: TemporaryHome;
let store: Store;
const notes: StoreNote[] = [];

/** Any text with this in it. */
const saying = (part: string): unknown => expect.stringContaining(part);

beforeEach(() => {
  notes.length = 0;
  home = temporaryHome();
});
afterEach(() => home.remove());

const events = (): readonly string[] => notes.map(({ event }) => event);

/** Whether a small file system can be mounted here: needs Linux and its administrator. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const trial = temporaryHome();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', trial.folder]).status === 0;
  if (mounted) execFileSync('umount', [trial.folder]);
  rmSync(trial.folder, { recursive: true });
  return mounted;
}

describe.skipIf(!canMount())('F5: on a disk that fills up', () => {
  const ballast = (): string => join(dirname(home.path), 'ballast');

  beforeEach(async () => {
    mkdirSync(dirname(home.path), { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'tmpfs', dirname(home.path)]);
    store = await home.open({ onNote: (note) => notes.push(note) });
    await store.write('saveAgent', agentInput()).durable;
    await store.write('admit', admitInput('xch_0')).durable;
  });
  afterEach(async () => {
    await store.close();
    execFileSync('umount', [dirname(home.path)]);
  });

  /** Take all the room that is left, to the last page. */
  function fill(): void {
    const pieces: Buffer[] = [];
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      try {
        for (;;) writeFileSync(ballast(), Buffer.alloc(size), { flag: 'a' });
      } catch {
        pieces.push(Buffer.alloc(0));
      }
    }
    expect(pieces.length).toBeGreaterThan(0);
  }

  /** Admit until one does not go through; how many did. */
  async function admitUntilFull(): Promise<number> {
    for (let n = 1; n < 5_000; n += 1) {
      const outcome = await store.write('admit', admitInput(`xch_${n}`)).committed.catch((error: unknown) => error);
      if (outcome instanceof StoreUnavailable) {
        expect(outcome.trouble.reason).toBe('disk_full');
        return n - 1;
      }
    }
    throw new Error('the disk never filled up');
  }

  it('writes are refused as disk_full, reads go on, and writing recovers when there is room', async () => {
    fill();
    const admitted = await admitUntilFull();
    expect(store.trouble?.reason).toBe('disk_full');
    expect(store.read.run('run_1')).toMatchObject({ exchanges: admitted + 1, reserved_nano: (admitted + 1) * 100 });
    await expect(store.write('settle', settleInput('xch_0')).committed).rejects.toThrow(StoreUnavailable);
    expect(store.read.exchange('xch_0')?.state).toBe('open');

    rmSync(ballast());
    expect(await store.write('settle', settleInput('xch_0')).durable).toMatchObject({ applied: true });
    expect(store.trouble).toBeNull();
    expect(events()).toEqual(['unavailable', 'available']);
  });

  it('F6: what is too small for a call does not make the store well again', async () => {
    fill();
    await admitUntilFull();
    truncateSync(ballast(), statSync(ballast()).size - 64 * 1024);
    const small = { at: NOON, name: 'theme', value: 'dark', by: OPERATOR };
    await store.write('setSetting', small).durable;
    expect(store.trouble?.reason).toBe('disk_full');
    truncateSync(ballast(), 0);
    await store.write('setSetting', small).durable;
    expect(store.trouble).toBeNull();
  });

  it('a body too large for what is left does not take the records of money down with it', async () => {
    const outcomes = await Promise.allSettled([
      store.write('putArtifact', {
        at: NOON,
        artifactId: 'art_1',
        runId: 'run_1',
        name: 'big',
        contentType: 'application/octet-stream',
        body: randomBytes(6_000_000),
        by: { actor: 'agent:bot', channel: 'proxy' },
      }).durable,
      store.write('settle', settleInput('xch_0')).durable,
      store.write('admit', admitInput('xch_1')).durable,
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(store.read.artifacts('run_1')).toEqual([]);
    expect(store.read.run('run_1')).toMatchObject({ spent_nano: 60, reserved_nano: 100 });
    expect(store.trouble).toBeNull();
  });
});

describe('F9: a write-ahead log that another program removed', () => {
  it('ends all writing until the next start, and says so', async () => {
    store = await home.open({ onNote: (note) => notes.push(note) });
    await store.write('saveAgent', agentInput()).durable;
    unlinkSync(`${home.path}-wal`);
    await expect(store.write('admit', admitInput('xch_1')).durable).rejects.toMatchObject({
      trouble: { reason: 'io_error', detail: saying('removed or replaced') },
    });
    await expect(store.write('admit', admitInput('xch_2')).committed).rejects.toThrow(StoreUnavailable);
    await expect(store.durable()).rejects.toThrow(StoreUnavailable);
    expect(store.trouble?.reason).toBe('io_error');
    expect(events()).toEqual(['unavailable']);
  });
});

/** Whether system calls can be made to fail here. */
const canInject =
  spawnSync('strace', ['-f', '-o', '/dev/null', '-e', 'inject=fdatasync:error=EIO', 'true']).status === 0;

describe.skipIf(!canInject)('F4: a sync that fails', () => {
  it('ends all writing: what was committed is not called durable, and nothing is accepted after it', () => {
    // strace counts for each thread: every thread's second sync fails, so one of the first few writes meets it.
    const output = execFileSync(
      'strace',
      [
        '-f',
        '-o',
        '/dev/null',
        '-e',
        'trace=fdatasync',
        '-e',
        'inject=fdatasync:error=EIO:when=2+',
        process.execPath,
        'test/store/sync-failure.ts',
        home.path,
      ],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(output)).toEqual({
      committed: 'done',
      durable: 'io_error',
      later: 'io_error',
      all: 'io_error',
      trouble: 'io_error',
    });
  });
});

describe.skipIf(process.platform === 'win32')('without a free file descriptor', () => {
  it('writing goes on: the store opens nothing for it', () => {
    const program = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, 'test/store/no-descriptors.ts', home.path];
    expect(JSON.parse(execFileSync('sh', program, { encoding: 'utf8' }))).toEqual({
      exhausted: 'EMFILE',
      without: ['done', 'done', 'done'],
      later: 'done',
      trouble: null,
    });
  });
});

describe('a failure to open a file', () => {
  it('is not final, whatever could not be opened; what the medium lost is', () => {
    const failing = (code: string): boolean | undefined => storageFailure(new Database.SqliteError('no', code))?.final;
    for (const code of ['SQLITE_CANTOPEN', 'SQLITE_CANTOPEN_ISDIR', 'SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_BUSY'])
      expect(failing(code), code).toBe(false);
    for (const code of [
      'SQLITE_IOERR_FSYNC',
      'SQLITE_IOERR_DIR_FSYNC',
      'SQLITE_CORRUPT',
      'SQLITE_NOTADB',
      'SQLITE_READONLY',
    ])
      expect(failing(code), code).toBe(true);
    expect(storageFailure(new Database.SqliteError('no', 'SQLITE_CONSTRAINT'))).toBeNull();
  });
});

it('F8: a reader that stays raises the alarm once, and the log is cut when it has gone', async () => {
  store = await home.open({
    onNote: (note) => notes.push(note),
    limits: { busyPages: 16, idlePages: 1, alarmPages: 400 },
  });
  await store.write('saveAgent', agentInput()).durable;
  const slow = new Database(home.path, { readonly: true });
  slow.exec('BEGIN');
  slow.prepare('SELECT count(*) FROM runs').get();
  let number = 0;
  const admitMany = async (until: () => boolean): Promise<void> => {
    while (!until() && number < 5_000) {
      number += 1;
      await store.write('admit', admitInput(`xch_${number}`)).committed;
    }
    expect(until()).toBe(true);
  };
  await admitMany(() => events().includes('wal_alarm'));
  const before = number;
  await admitMany(() => number >= before + 200);
  expect(events()).toEqual(['wal_alarm']);
  slow.exec('COMMIT');
  slow.close();
  await admitMany(() => events().includes('wal_reset'));
  expect(store.trouble).toBeNull();
  const reader = openReader(home.path, () => NOON);
  expect(reader.read.run('run_1')?.exchanges).toBe(number);
  reader.close();
});
