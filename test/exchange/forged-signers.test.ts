import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSeal, renderSeal, SEAL_FRAMES, type Seal, sealText } from '../../proxy-core/audit/seal.ts';
import { headText, renderAnchorLine, type SignedHead } from '../../proxy-core/audit/signed-head.ts';
import { findPublicKey, fingerprintOf, signText } from '../../proxy-core/signing/signing-key.ts';
import { verifyExport } from '../../proxy-core/signing/verify-export.ts';
import { type AnchorText, verifyStore } from '../../proxy-core/signing/verify-store.ts';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/**
 * Evidence signed by somebody else: a fresh key under its own name, and one that says it is the trusted one. Every byte is as
 * the forger sealed it, so only who signed can tell; with the trusted key known, unknown, and lost.
 */

const FORMATS = ['json', 'html', 'otlp', 'csv', 'bundle'] as const;
type Format = (typeof FORMATS)[number];

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let folder: string;
let trusted: string;
const files = new Map<Format, string>();
const forger = (() => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey, public_key: raw.toString('base64'), fingerprint: fingerprintOf(raw) };
})();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rungate-forged-'));
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ home: join(folder, 'home'), upstreamUrl: upstream.url });
  const token = await rungate.addAgent('bot');
  const body = { model: 'gpt-4.1', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] };
  const headers = { 'x-rungate-run-id': 'told' };
  expect((await send(rungate.url, { path: '/v1/chat/completions', token, headers, body })).status).toBe(200);
  for (const format of FORMATS) {
    const exportId = `exp_${format}00000000`;
    await rungate.call('exports.prepare', { export_id: exportId, run_id: 'told', format });
    const file = join(folder, `told.${format}`);
    writeFileSync(file, readFileSync(join(rungate.home, 'exports', exportId)));
    if (format === 'csv') writeFileSync(`${file}.sig`, readFileSync(join(rungate.home, 'exports', `${exportId}.sig`)));
    files.set(format, file);
  }
  await rungate.core.close();
  trusted = findPublicKey(rungate.home)?.fingerprint ?? '';
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The forger's own signature under a seal; `named`: whose key it says that is. */
function resign(seal: Seal, named: string): Seal {
  const statement = { ...seal, key: named, public_key: forger.public_key };
  return { ...statement, signature: signText(forger.privateKey, sealText(statement)) };
}

/** A copy of an export with another seal in the place of its own. */
function forge(format: Format, named: string): string {
  const original = files.get(format) ?? '';
  const file = join(folder, `forged-${named === trusted ? 'named' : 'own'}.${format}`);
  const bytes = readFileSync(original);
  const change = (text: string): string => {
    const seal = parseSeal(text);
    if (seal === null) throw new Error(`no seal in ${format}`);
    return renderSeal(resign(seal, named));
  };
  if (format === 'csv') {
    writeFileSync(file, bytes);
    writeFileSync(`${file}.sig`, `${change(readFileSync(`${original}.sig`, 'utf8').trimEnd())}\n`);
  } else if (format === 'bundle') {
    const at = bytes.lastIndexOf(Buffer.from('504b0506', 'hex')) + 22;
    writeFileSync(
      file,
      Buffer.concat([bytes.subarray(0, at), Buffer.from(change(bytes.subarray(at).toString('utf8')))]),
    );
  } else {
    const { before, after, encode, decode } = SEAL_FRAMES[format];
    const start = bytes.lastIndexOf(before) + Buffer.byteLength(before);
    const end = bytes.length - Buffer.byteLength(after);
    const seal = encode(change(decode(bytes.subarray(start, end).toString('utf8')) ?? ''));
    writeFileSync(file, Buffer.concat([bytes.subarray(0, start), Buffer.from(seal), bytes.subarray(end)]));
  }
  return file;
}

describe.each(FORMATS)('an export as %s', (format) => {
  it('is genuine by the trusted key only, and of unknown signer where that is another or lost', () => {
    const file = files.get(format) ?? '';
    expect(verifyExport(file, trusted)).toMatchObject({ ok: true, signer: 'trusted', broken: null });
    expect(verifyExport(file, forger.fingerprint)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
    expect(verifyExport(file, null)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
  });

  it('signed by a fresh key is of unknown signer, and never genuine without that key being trusted', () => {
    const file = forge(format, forger.fingerprint);
    expect(verifyExport(file, trusted)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
    expect(verifyExport(file, null)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
    expect(verifyExport(file, forger.fingerprint)).toMatchObject({ ok: true, signer: 'trusted' });
  });

  it('signed by a fresh key that says it is the trusted one is not genuine, whoever is trusted', () => {
    const file = forge(format, trusted);
    for (const key of [trusted, forger.fingerprint, null])
      expect(verifyExport(file, key)).toMatchObject({
        ok: false,
        signer: 'unknown',
        broken: { part: 'its seal', reason: expect.stringContaining('another key than it carries') },
      });
  });
});

describe('the audit of a home', () => {
  const path = (): string => join(rungate.home, 'rungate.db');
  const verdict = (key: string | null, anchors: readonly AnchorText[] = []) =>
    verifyStore({ path: path(), trustedKey: key, anchors }, () => undefined);

  /** Sign the end of the chain as the forger, under a name, in the store's own table; give back what was there. */
  function withForgedHead(named: string, check: (head: SignedHead) => void): void {
    const db = new Database(path());
    const kept = db.prepare('SELECT * FROM audit_heads').all() as readonly Record<string, unknown>[];
    const end = db.prepare('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1').get() as {
      seq: number;
      hash: Buffer;
    };
    const statement = {
      v: 1 as const,
      installation: String(kept[0]?.['installation']),
      seq: end.seq,
      hash: end.hash.toString('hex'),
      at: Date.now(),
      key: named,
      public_key: forger.public_key,
    };
    const head = { ...statement, signature: signText(forger.privateKey, headText(statement)) };
    const insert = db.prepare('INSERT OR REPLACE INTO audit_heads VALUES (?, ?, ?, ?, ?, ?, ?)');
    const row = (of: Record<string, unknown>): readonly unknown[] =>
      ['seq', 'hash', 'installation', 'at', 'key', 'public_key', 'signature'].map((column) => of[column]);
    try {
      insert.run(...row({ ...head, hash: end.hash }));
      check(head);
    } finally {
      db.prepare('DELETE FROM audit_heads').run();
      for (const one of kept) insert.run(...row(one));
      db.close();
    }
  }

  it('is proven by the trusted key only, and not where that is another or lost', () => {
    expect(verdict(trusted)).toMatchObject({ ok: true, signer: 'trusted' });
    expect(verdict(forger.fingerprint)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
    expect(verdict(null)).toMatchObject({ ok: false, signer: 'unknown', broken: null });
  });

  it('whose head a fresh key has signed is of unknown signer', () => {
    withForgedHead(forger.fingerprint, () => {
      expect(verdict(trusted)).toMatchObject({ ok: false, signer: 'unknown' });
      expect(verdict(null)).toMatchObject({ ok: false, signer: 'unknown' });
    });
  });

  it('whose head a fresh key has signed under the trusted one’s name is not proven, and says why', () => {
    withForgedHead(trusted, ({ seq }) => {
      for (const key of [trusted, forger.fingerprint, null]) {
        const found = verdict(key);
        expect(found.ok).toBe(false);
        expect(found.detail).toContain(`The signature of record ${seq} in the store does not fit.`);
      }
      expect(verdict(forger.fingerprint).signer).not.toBe('trusted');
    });
  });

  it('is not disproved by an anchor’s lines of another installation, but by forged ones of its own', () => {
    withForgedHead(trusted, (head) => {
      const foreign = { ...head, installation: 'another', hash: 'f'.repeat(64) };
      const signed = { ...foreign, signature: signText(forger.privateKey, headText(foreign)) };
      const own = { name: 'anchor', text: renderAnchorLine(head) };
      const other = { name: 'anchor', text: renderAnchorLine(signed) };
      expect(verdict(trusted, [own]).detail).toContain('in the anchor anchor does not fit');
      expect(verdict(trusted, [other]).detail).not.toContain('in the anchor anchor');
    });
    const foreign = { name: 'anchor', text: '' };
    expect(verdict(trusted, [foreign])).toMatchObject({ ok: true });
  });

  it('that nobody has ever signed says so in words, and how to have it signed', async () => {
    const file = join(folder, 'never', 'rungate.db');
    const store = await openStore({ path: file, clock: Date.now });
    const by = { actor: 'operator', channel: 'test' };
    await store.write('setSetting', { at: Date.now(), name: 'theme', value: 'dark', by }).durable;
    await store.close();
    const found = verifyStore({ path: file, trustedKey: trusted, anchors: [] }, () => undefined);
    expect(found).toMatchObject({ ok: false, signer: 'none', broken: null });
    expect(found.detail).toMatch(/No head of this audit was ever signed.*Start it and stop it once/);
  });
});
