import type { KeyVault, SessionKey } from './proof.ts';

/**
 * The session's key in IndexedDB: the one store of a browser that keeps a key without showing it. All tabs of the origin
 * share it, and it survives a reload and a restart of the browser.
 */
const DATABASE = 'rungate-console';
const STORE = 'keys';
const SESSION = 'session';
const STAGED = 'staged';

/** The vault of this page's origin. */
export const indexedDbVault: KeyVault = {
  load: () => inStore('readonly', (store) => store.get(SESSION)) as Promise<SessionKey | null>,
  // Some private windows have the store but refuse keys, and only say so when one is put there.
  stage: async (key) => void (await inStore('readwrite', (store) => store.put(key, STAGED))),
  keep: async (key) =>
    void (await inStore('readwrite', (store) => {
      store.delete(STAGED);
      return store.put(key, SESSION);
    })),
};

/** Run one transaction; resolves with its request's result (null for none) once it is complete. */
async function inStore(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await openDatabase();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result ?? null);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error('the key store is blocked'));
  });
}
