import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAnchorLine, type SignedHead } from '../../proxy-core/audit/signed-head.ts';
import { configuration } from '../../proxy-core/config/schema.ts';
import type { CredentialPorts } from '../../proxy-core/providers/credentials.ts';
import { type Anchor, anchorFileIn, fileAnchor } from '../../proxy-core/signing/anchor.ts';
import { createHeadSigner } from '../../proxy-core/signing/head-signer.ts';
import {
  findPublicKey,
  openSigningKey,
  signingKeyFile,
  signText,
  verifyText,
} from '../../proxy-core/signing/signing-key.ts';
import { verifyStore } from '../../proxy-core/signing/verify-store.ts';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { startTestRungate } from '../harness/rungate.ts';

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-signing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const NOTHING: CredentialPorts = { env: {}, keychain: null, passphrase: async () => null };
const withPassphrase = (passphrase: string | null): CredentialPorts => ({
  ...NOTHING,
  passphrase: async () => passphrase,
});

function keychain(): CredentialPorts {
  const kept = new Map<string, string>();
  return {
    ...NOTHING,
    keychain: {
      find: async (name) => kept.get(name) ?? null,
      save: async (name, value) => void kept.set(name, value),
      remove: async (name) => void kept.delete(name),
    },
  };
}

const opened = async (home: string, ports: CredentialPorts) => {
  const result = await openSigningKey(home, ports);
  if (result.kind === 'closed') throw new Error(result.problem);
  return result.key;
};

describe('the installation’s key', () => {
  it('is made once, private, and signs what its public half verifies', async () => {
    const home = temporary();
    const key = await opened(home, NOTHING);
    if (process.platform !== 'win32') expect(statSync(signingKeyFile(home)).mode & 0o777).toBe(0o600);
    expect((await opened(home, NOTHING)).fingerprint).toBe(key.fingerprint);
    expect(findPublicKey(home)).toEqual({ fingerprint: key.fingerprint, raw: key.raw });
    const signature = signText(key.privateKey, 'text');
    expect(verifyText(key.raw, 'text', signature)).toBe(true);
    expect(verifyText(key.raw, 'other', signature)).toBe(false);
    expect(verifyText(key.raw, 'text', `${signature} `)).toBe(false);
    expect(verifyText('AAAA', 'text', signature)).toBe(false);
  });

  it('is kept plain only where neither a keychain nor a passphrase is lent', async () => {
    expect((await opened(temporary(), NOTHING)).kept).toBe('plain');
    expect((await opened(temporary(), keychain())).kept).toBe('keychain');
    expect((await opened(temporary(), withPassphrase('open sesame'))).kept).toBe('passphrase');
    const forgetful = {
      ...NOTHING,
      keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
    };
    expect((await opened(temporary(), forgetful)).kept).toBe('plain');
  });

  it('opens with its passphrase only, and is never replaced when it cannot be opened', async () => {
    const home = temporary();
    const key = await opened(home, withPassphrase('open sesame'));
    expect(readFileSync(signingKeyFile(home), 'utf8')).toContain('rungate_sealed');
    for (const wrong of [withPassphrase(null), withPassphrase('wrong'), NOTHING])
      expect(await openSigningKey(home, wrong)).toMatchObject({
        kind: 'closed',
        publicKey: { fingerprint: key.fingerprint },
      });
    expect((await opened(home, withPassphrase('open sesame'))).fingerprint).toBe(key.fingerprint);
  });

  it('is refused when its file was damaged', async () => {
    const home = temporary();
    await opened(home, NOTHING);
    const other = temporary();
    await opened(other, NOTHING);
    const file = JSON.parse(readFileSync(signingKeyFile(home), 'utf8'));
    const foreign = JSON.parse(readFileSync(signingKeyFile(other), 'utf8'));
    for (const text of [
      '',
      '{}',
      JSON.stringify({ ...file, private_key: foreign.private_key }),
      JSON.stringify({ ...file, public_key: 'AAAA' }),
    ]) {
      writeFileSync(signingKeyFile(home), text);
      expect(await openSigningKey(home, NOTHING), text.slice(0, 40)).toMatchObject({ kind: 'closed' });
    }
  });
});

describe('signing the head', () => {
  /** A store with a signer; the clock and the chain are the test's. */
  async function signerOver(anchors: readonly Anchor[]) {
    const home = temporary();
    const path = join(home, 'rungate.db');
    const store = await openStore({ path, clock: Date.now });
    const key = await openSigningKey(home, NOTHING);
    const logged: string[] = [];
    const log = { info: () => undefined, warn: (event: string) => void logged.push(event), error: () => undefined };
    const signer = createHeadSigner({ store, clock: { now: Date.now }, log, key, anchors, anchorEveryMs: 60_000 });
    const grow = async () => {
      const by = { actor: 'operator', channel: 'test' };
      await store.write('setSetting', { at: 1, name: 'grown', value: Math.random(), by }).committed;
    };
    onTestFinished(async () => {
      await signer.close();
      await store.close();
    });
    return { store, signer, grow, path, logged, key };
  }

  it('signs each time the chain has grown, and writes each signed head to the anchor once', async () => {
    const heads: SignedHead[] = [];
    const { signer, grow, store } = await signerOver([
      { name: 'memory', write: async (head) => void heads.push(head) },
    ]);
    await signer.flush();
    await signer.flush();
    await grow();
    await signer.flush();
    expect(heads.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(store.read.signedHeads(10).map(({ seq }) => seq)).toEqual([2, 1]);
    expect(heads[1]).toEqual(store.read.signedHeads(1)[0]);
  });

  it('shows an anchor that fails, goes on with the others, and tries again', async () => {
    const disk: { broken: boolean } = { broken: true };
    const written: number[] = [];
    const { signer, grow, logged } = await signerOver([
      {
        name: 'broken',
        async write({ seq }) {
          if (disk.broken) throw new Error('the disk is gone');
          written.push(seq);
        },
      },
      { name: 'whole', write: async () => undefined },
    ]);
    await signer.flush();
    expect(signer.anchors()).toMatchObject([
      { where: 'broken', last_seq: null, last_error: 'the disk is gone' },
      { where: 'whole', last_seq: 1, last_error: null },
    ]);
    await grow();
    await signer.flush();
    expect(logged).toEqual(['audit.anchor_failed']);
    disk.broken = false;
    await signer.flush();
    expect(written).toEqual([2]);
    expect(signer.anchors()[0]).toMatchObject({ last_seq: 2, last_error: null });
  });

  it('appends lines to an anchor file that verify together with the store, after an unfinished one too', async () => {
    const file = join(temporary(), 'deep', 'anchor.jsonl');
    const { signer, grow, path, key } = await signerOver([fileAnchor(file)]);
    await signer.flush();
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
    await grow();
    await signer.flush();
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(parseAnchorLine(lines[0] ?? '')).toBeNull();
    expect(parseAnchorLine(lines[1] ?? '')).toMatchObject({ seq: 2 });
    writeFileSync(file, `${lines[1]}\n`);
    const trustedKey = key.kind === 'opened' ? key.key.fingerprint : null;
    const anchors = [{ name: file, text: readFileSync(file, 'utf8') }];
    expect(verifyStore({ path, trustedKey, anchors }, () => undefined)).toMatchObject({ ok: true, records: 2 });
  });
});

describe('a core', () => {
  it('signs and anchors when it closes, in the folder its host names', async () => {
    const folder = temporary();
    const rungate = await startTestRungate({ anchorFolder: folder });
    const { key } = await rungate.call('audit.status', {});
    await rungate.core.close();
    const path = join(rungate.home, 'rungate.db');
    const { readdirSync } = await import('node:fs');
    const [name = ''] = readdirSync(folder);
    const file = anchorFileIn(folder, name.replace('.jsonl', ''));
    const verdict = verifyStore(
      { path, trustedKey: key, anchors: [{ name, text: readFileSync(file, 'utf8') }] },
      () => undefined,
    );
    expect(verdict).toMatchObject({ ok: true, signer: 'trusted' });
    rmSync(rungate.home, { recursive: true });
  });

  it('starts without its key’s passphrase, says so, and exports nothing unsigned', async () => {
    const home = temporary();
    const credentials = (passphrase: string | null) => ({
      env: { TEST_KEY: 'sk-test' },
      keychain: null,
      passphrase: async () => passphrase,
    });
    const first = await startTestRungate({ home, credentials: credentials('open sesame') });
    const { key } = await first.call('audit.status', {});
    await first.core.close();
    const second = await startTestRungate({ home, credentials: credentials(null) });
    const status = await second.call('audit.status', {});
    expect(status).toMatchObject({
      key,
      anchors: [{ where: 'signature', last_error: expect.stringContaining('RUNGATE_PASSPHRASE') }],
    });
    const reply = await second.tryCall('exports.prepare', {
      export_id: 'exp_unsigned1',
      run_id: 'any',
      format: 'json',
    });
    expect(reply).toMatchObject({ ok: false, failure: { code: 'unavailable_here' } });
    await second.core.close();
  });

  it('refuses an anchor inside the home folder, and one that no channel stands for', async () => {
    const home = temporary();
    const start = (anchors: unknown) =>
      startTestRungate({
        home,
        configuration: configuration.parse({ audit: { anchors } }),
        configFile: join(home, 'rungate.yaml'),
      });
    await expect(start([{ file: './anchor.jsonl' }])).rejects.toMatchObject({
      code: 'anchor_in_home',
      hint: expect.any(String),
    });
    const elsewhere = temporary();
    mkdirSync(join(elsewhere, 'in'));
    await expect(start([{ webhook: 'nobody' }])).rejects.toMatchObject({ code: 'anchor_unknown' });
    const fine = await start([{ file: join(elsewhere, 'in', 'anchor.jsonl') }]);
    await fine.core.close();
    expect(readFileSync(join(elsewhere, 'in', 'anchor.jsonl'), 'utf8')).toContain('"seq"');
  });

  it('delivers a head to a webhook anchor, signed as every delivery', async () => {
    const bodies: { type?: string; data?: unknown }[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        if (request.headers['webhook-signature'] !== undefined) bodies.push(JSON.parse(text));
        response.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchor`;
    const settings = {
      audit: { anchors: [{ webhook: 'witness' }] },
      channels: { webhook: [{ name: 'witness', url, secret: 'env:WITNESS', events: ['policy.drift'] }] },
    };
    const rungate = await startTestRungate({ configuration: configuration.parse(settings) });
    await rungate.close();
    const anchored = bodies.find(({ type }) => type === 'audit.anchor');
    expect(parseAnchorLine(JSON.stringify(anchored?.data))).not.toBeNull();
  });
});
