import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS, migrate, schemaVersion } from '../../proxy-core/store/migrations/ladder.ts';
import { admitInput, agentInput, NOON, settleInput, type TemporaryHome, temporaryHome } from './fixture-store.ts';

let home: TemporaryHome;
/** Any text with this in it. */
const saying = (part: string): unknown => expect.stringContaining(part);

beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** A store with some rows, closed again. */
async function used(): Promise<void> {
  const store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
  for (let n = 0; n < 50; n += 1) {
    void store.write('admit', admitInput(`xch_${n}`));
    void store.write('settle', settleInput(`xch_${n}`));
  }
  await store.close();
}

describe('the home folder', () => {
  it.skipIf(process.platform === 'win32')('is created for its owner alone, and so is every file in it', async () => {
    const store = await home.open();
    await store.write('saveAgent', agentInput()).durable;
    const folder = dirname(home.path);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]);
    expect(modes).toEqual(
      ['rungate.db', 'rungate.db-shm', 'rungate.db-wal', 'rungate.db.lock'].map((name) => [name, 0o600]),
    );
  });

  it.skipIf(process.platform === 'win32')('is closed to others if it was open to them', async () => {
    mkdirSync(dirname(home.path), { mode: 0o755 });
    writeFileSync(home.path, '', { mode: 0o644 });
    await home.open();
    expect(statSync(dirname(home.path)).mode & 0o777).toBe(0o700);
    expect(statSync(home.path).mode & 0o777).toBe(0o600);
  });

  it('that cannot be one is refused with what to do', async () => {
    writeFileSync(dirname(home.path), 'a file in its place');
    await expect(home.open()).rejects.toMatchObject({
      code: 'home_unusable',
      message: saying('--home'),
    });
  });

  it.skipIf(process.getuid?.() !== 0)('of another user is refused with what to do', async () => {
    mkdirSync(dirname(home.path), { mode: 0o700 });
    chmodSync(home.folder, 0o755);
    const output = execFileSync(process.execPath, ['test/store/open-once.ts', home.path], {
      uid: 65_534,
      gid: 65_534,
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toMatchObject({
      code: 'home_unusable',
      message: saying('give this user access'),
    });
    expect(readdirSync(dirname(home.path))).toEqual([]);
  });

  it('is left without a log when the store is closed', async () => {
    await used();
    expect(readdirSync(dirname(home.path)).sort()).toEqual(['rungate.db', 'rungate.db.lock']);
  });
});

describe('a second opener', () => {
  it('is refused in the same process, and opens once the first has closed', async () => {
    const first = await home.open();
    await expect(home.open()).rejects.toMatchObject({
      code: 'store_locked',
      message: saying('stop it'),
    });
    await first.write('saveAgent', agentInput()).durable;
    await first.close();
    const second = await home.open();
    expect(second.read.agents()).toHaveLength(1);
  });

  it('A11: in another process is refused, and opens once the first was killed', async () => {
    const child = spawn(process.execPath, ['test/store/open-once.ts', home.path, 'stay'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await expect(home.open()).rejects.toMatchObject({ code: 'store_locked' });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    expect((await home.open()).trouble).toBeNull();
  });
});

describe('F11: a file', () => {
  it('of a newer schema is refused and not touched', async () => {
    await used();
    const connection = new Database(home.path);
    connection.pragma('user_version = 990');
    connection.close();
    const before = digest(home.path);
    await expect(home.open()).rejects.toMatchObject({ code: 'schema_newer', message: saying('990') });
    expect(digest(home.path)).toBe(before);
  });

  it('of another program is refused and not touched', async () => {
    mkdirSync(dirname(home.path));
    const connection = new Database(home.path);
    connection.exec('CREATE TABLE bookmarks (url TEXT)');
    connection.close();
    const before = digest(home.path);
    await expect(home.open()).rejects.toMatchObject({ code: 'not_a_store' });
    expect(digest(home.path)).toBe(before);
  });

  it('that is no database is refused and not replaced', async () => {
    mkdirSync(dirname(home.path));
    writeFileSync(home.path, 'my diary\n'.repeat(1_000));
    const before = digest(home.path);
    await expect(home.open()).rejects.toMatchObject({
      code: 'store_corrupt',
      message: saying('backup'),
    });
    expect(digest(home.path)).toBe(before);
  });

  it('that was cut off is refused and not replaced', async () => {
    await used();
    truncateSync(home.path, Math.floor(statSync(home.path).size / 8_192) * 4_096);
    const before = digest(home.path);
    await expect(home.open()).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(digest(home.path)).toBe(before);
  });

  it('F12: with flipped bytes in the middle is refused and not replaced', async () => {
    await used();
    const bytes = readFileSync(home.path);
    for (let at = 4_096; at < bytes.length; at += 4_096) bytes.fill(0xa5, at, at + 64);
    writeFileSync(home.path, bytes);
    const before = digest(home.path);
    await expect(home.open()).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(digest(home.path)).toBe(before);
  });

  it('that is empty beside a log that is not is refused', async () => {
    mkdirSync(dirname(home.path));
    writeFileSync(home.path, '');
    writeFileSync(`${home.path}-wal`, 'frames');
    await expect(home.open()).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(existsSync(`${home.path}-wal`)).toBe(true);
  });
});

describe('migrations', () => {
  it('are numbered in tens, ascending', () => {
    const versions = MIGRATIONS.map(({ version }) => version);
    expect(versions.filter((version) => version % 10 !== 0)).toEqual([]);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  });

  it('take rows of the version before with them and roll back whole when a statement fails', () => {
    const connection = new Database(':memory:');
    const [first] = MIGRATIONS;
    if (first === undefined) throw new Error('there is no first migration');
    migrate(connection, () => undefined, [first]);
    connection.exec("INSERT INTO teams (name, created_at) VALUES ('home', 1)");
    const good = 'ALTER TABLE teams ADD COLUMN note TEXT';
    const failing = { version: 9_000, statements: [good, "INSERT INTO teams (name, created_at) VALUES ('home', 2)"] };
    expect(() => migrate(connection, () => undefined, [first, failing])).toThrow('UNIQUE');
    expect(schemaVersion(connection)).toBe(first.version);
    expect(connection.prepare('SELECT * FROM teams').all()).toEqual([{ name: 'home', created_at: 1 }]);
    migrate(connection, () => undefined, [first, { version: 9_000, statements: [good] }]);
    expect(connection.prepare('SELECT * FROM teams').all()).toEqual([{ name: 'home', created_at: 1, note: null }]);
  });

  it('are applied once: opening again changes no table', async () => {
    await used();
    const schema = () => {
      const connection = new Database(home.path, { readonly: true });
      const rows = connection.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all();
      connection.close();
      return rows;
    };
    const before = schema();
    await (await home.open()).close();
    expect(schema()).toEqual(before);
  });
});

it('reads of a window that ended while nothing was written show it ended', async () => {
  let now = NOON;
  const store = await home.open({ clock: () => now });
  await store.write('saveAgent', agentInput()).committed;
  await store.write('admit', admitInput('xch_1')).committed;
  await store.write('settle', settleInput('xch_1')).committed;
  expect(store.read.budget('agent', 'agt_1')?.spent_nano).toBe(60);
  now += 24 * 60 * 60 * 1_000;
  expect(store.read.budget('agent', 'agt_1')?.spent_nano).toBe(0);
});
