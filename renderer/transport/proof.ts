import { type Proven, provenText, renderProof } from '../../proxy-core/contract/proof.ts';

/**
 * The page's half of the console's session (contract/proof.ts): it proves that a request is this page's own.
 *
 * Threat: whatever the page sends, somebody else may receive. The private key is made so that no script can read it, and
 * is kept by the browser; what leaves are signatures, each over one request.
 */
export interface Prover {
  /** Make a key for a sign-in. Rejects where this browser keeps none. */
  begin(): Promise<NewKey>;
  /** The value of the proof header and the nonce that it is under; null without a key or a nonce. */
  prove(
    asked: Proven,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<{ readonly header: string; readonly nonce: string } | null>;
  /** The core gave out a nonce. It is taken unless another has come since the request was proven under `after`. */
  take(nonce: string, after: string | null): void;
  /** Look whether another tab has signed in anew since this one read its key. */
  reload(): Promise<boolean>;
}

/** WebCrypto, by the names that browsers and Node agree on. */
type Subtle = typeof crypto.subtle;
type Key = Awaited<ReturnType<Subtle['importKey']>>;

/** A key that is not the session's yet. */
export interface NewKey {
  /** The public half: an uncompressed point, base64url. */
  readonly publicKey: string;
  /** The core has registered it: from now on it is the session's. */
  keep(): Promise<void>;
}

/** A session's key: its private half, which no script can read, and its public half, which tells it from others. */
export interface SessionKey {
  readonly privateKey: Key;
  readonly publicKey: string;
}

/** Where the browser keeps the session's key, for all tabs of this origin. All reject where it keeps nothing. */
export interface KeyVault {
  load(): Promise<SessionKey | null>;
  /** Try that a key can be kept, without giving up the one that is. */
  stage(key: SessionKey): Promise<void>;
  keep(key: SessionKey): Promise<void>;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A prover over a vault. `subtle` is undefined where the page is not in a secure context. */
export function createProver(vault: KeyVault, subtle: Subtle | undefined): Prover {
  let key: SessionKey | null = null;
  let loading: Promise<void> | null = null;
  let current: { readonly nonce: string; count: number } | null = null;

  const load = async (): Promise<void> => {
    key = await vault.load().catch(() => null);
  };
  const loaded = async (): Promise<SessionKey | null> => {
    loading ??= load();
    await loading;
    return key;
  };
  return {
    async begin() {
      if (subtle === undefined) throw new Error('no WebCrypto on this page');
      const pair = await subtle.generateKey(KEY, false, ['sign', 'verify']);
      const publicKey = toBase64Url(await subtle.exportKey('raw', pair.publicKey));
      const made = { privateKey: pair.privateKey, publicKey };
      await vault.stage(made);
      return {
        publicKey,
        async keep() {
          key = made;
          current = null;
          loading = Promise.resolve();
          await vault.keep(made);
        },
      };
    },
    async prove(asked, bytes) {
      const signer = await loaded();
      if (signer === null || current === null || subtle === undefined) return null;
      // Counted before anything is awaited, so that calls at the same time have counts of their own.
      const { nonce } = current;
      current.count += 1;
      const { count } = current;
      const body = toBase64Url(await subtle.digest('SHA-256', bytes));
      const text = new TextEncoder().encode(provenText(asked, { nonce, count, body }));
      const signature = toBase64Url(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, signer.privateKey, text));
      return { header: renderProof({ nonce, count, body, signature }), nonce };
    },
    take(nonce, after) {
      if (current === null || current.nonce === after) current = { nonce, count: 0 };
    },
    async reload() {
      const before = key?.publicKey;
      loading = load();
      await loading;
      return key !== null && key.publicKey !== before;
    },
  };
}

function toBase64Url(buffer: ArrayBuffer): string {
  let text = '';
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
