import type { Page } from '@playwright/test';
import { NONCE_HEADER, PROOF_HEADER } from '../../proxy-core/contract/proof.ts';

/** An operation as the page's own script would ask it: through the desktop's bridge, or with the page's key as proof. */
export const callInPage = (page: Page, name: string, input: unknown): Promise<unknown> =>
  page.evaluate(askInPage, { name, input, nonceHeader: NONCE_HEADER, proofHeader: PROOF_HEADER });

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface Asked {
  readonly name: string;
  readonly input: unknown;
  readonly nonceHeader: string;
  readonly proofHeader: string;
}

/** Runs in the page, so it can name nothing from here. It has a nonce of its own, beside those of the page's script. */
async function askInPage({ name, input, nonceHeader, proofHeader }: Asked): Promise<unknown> {
  type Bridge = { invoke(message: unknown): Promise<unknown> };
  type Held = { nonce: string; count: number };
  type Pending<T> = { result: T; error: unknown; onsuccess: unknown; onerror: unknown };
  type Database = {
    transaction(name: string): { objectStore(name: string): { get(key: string): Pending<unknown> } };
    close(): void;
  };
  type Factory = { open(name: string, version: number): Pending<Database> };
  const global = globalThis as unknown as { readonly rungate?: Bridge; readonly indexedDB: Factory; harness?: Held };
  if (global.rungate !== undefined) return global.rungate.invoke({ kind: 'call', name, input });
  const settled = <T>(request: Pending<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const findKey = async (): Promise<Key | null> => {
    const database = await settled(global.indexedDB.open('rungate-console', 1));
    try {
      const kept = await settled(database.transaction('keys').objectStore('keys').get('session'));
      return (kept as { privateKey: Key } | undefined)?.privateKey ?? null;
    } finally {
      database.close();
    }
  };
  const base64Url = (buffer: ArrayBuffer): string =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/=+$/, '');
  const path = `/api/${name}`;
  const body = new TextEncoder().encode(JSON.stringify(input));
  const prove = async (): Promise<Record<string, string>> => {
    const key = await findKey();
    if (key === null || global.harness === undefined) return {};
    global.harness.count += 1;
    const { nonce, count } = global.harness;
    const digest = base64Url(await crypto.subtle.digest('SHA-256', body));
    const text = ['rungate console proof 1', 'POST', path, digest, nonce, count].join('\n');
    const how = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = base64Url(await crypto.subtle.sign(how, key, new TextEncoder().encode(text)));
    return { [proofHeader]: [nonce, count, digest, signature].join('.') };
  };
  const send = async (): Promise<Response> => {
    const headers = { 'content-type': 'application/json', ...(await prove()) };
    return fetch(path, { method: 'POST', headers, body });
  };
  const first = await send();
  const nonce = first.headers.get(nonceHeader);
  if (first.status !== 401 || nonce === null) return first.json();
  global.harness = { nonce, count: 0 };
  return (await send()).json();
}
