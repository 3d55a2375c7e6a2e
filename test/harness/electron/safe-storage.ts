import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { app } from './app.ts';
import { readLaunch } from './launch.ts';
import { failOnGaps } from './not-implemented.ts';

const launch = readLaunch();
const NONCE = 12;
const TAG = 16;

/** Electron's `safeStorage`, without its deprecated synchronous half. The key is the profile's, so a restart can read. */
export const safeStorage = failOnGaps('safeStorage', {
  isAsyncEncryptionAvailable: async () => app.isReady(),
  getSelectedStorageBackend: () => (app.isReady() ? launch.keyring : 'unknown'),
  async encryptStringAsync(text) {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', keyOf(), nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  },
  async decryptStringAsync(bytes) {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(), bytes.subarray(0, NONCE));
    decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
    const result = Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
    return { result, shouldReEncrypt: false };
  },
} satisfies Partial<SafeStorage>);

/** The system's keyring lies beside the app's own folders; `basic_text` is a key that everybody knows. */
function keyOf(): Buffer {
  if (!app.isReady()) throw new Error('safeStorage cannot be used before app is ready');
  if (launch.keyring === 'basic_text') return Buffer.alloc(32, 'peanuts');
  const path = join(launch.profile, 'keyring');
  if (!existsSync(path)) {
    mkdirSync(launch.profile, { recursive: true });
    writeFileSync(path, randomBytes(32), { mode: 0o600 });
  }
  return readFileSync(path);
}
