import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Channel } from '../channels/channel.ts';
import type { Configuration } from '../config/schema.ts';
import type { Clock, Log } from '../ports.ts';
import type { CredentialPorts } from '../providers/credentials.ts';
import type { Store } from '../store/store.ts';
import { type Anchor, anchorFileIn, fileAnchor, liesIn, webhookAnchor } from './anchor.ts';
import { createHeadSigner, type HeadSigner } from './head-signer.ts';
import { type OpenedKey, openSigningKey } from './signing-key.ts';
import type { StoreVerdict } from './verify-store.ts';
import type { FromVerify, VerifyJob } from './verify-worker.ts';

/** The audit's signing, put together: the key, the signer with its anchors, and verifying off the event loop. */
export interface Signing {
  readonly key: OpenedKey;
  readonly signer: HeadSigner;
  /** Check the whole audit. Rejects if the store cannot be read. */
  verify(): Promise<StoreVerdict>;
  /** Sign and anchor a last time. Call it before the store is closed. */
  close(): Promise<void>;
}

export interface SigningOptions {
  readonly home: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the key's passphrase is. */
  readonly credentials: CredentialPorts;
  /** Null: no configuration, so the default anchor. */
  readonly settings: Configuration['audit'] | null;
  /** The folder that relative paths of the configuration start from. */
  readonly folder: string;
  /** Where the default anchor lies; null: there is none. */
  readonly anchorFolder: string | null;
  readonly channels: readonly Channel[];
  /** Anchors that are not configured here (telemetry). */
  readonly others: readonly Anchor[];
}

const MINUTE = 60_000;
const DEFAULT_MINUTES = 10;

/** Open it. Rejects with an Error that carries a `hint` for what the operator can cure. */
export async function openSigning(options: SigningOptions): Promise<Signing> {
  const { home, store, clock, log, settings } = options;
  const key = await openSigningKey(home, options.credentials);
  const files = await anchorFiles(options);
  const anchors = [...files.map(fileAnchor), ...webhookAnchors(options), ...options.others];
  const anchorEveryMs = (settings?.every_minutes ?? DEFAULT_MINUTES) * MINUTE;
  const signer = createHeadSigner({ store, clock, log, key, anchors, anchorEveryMs });
  const trustedKey = key.kind === 'opened' ? key.key.fingerprint : (key.publicKey?.fingerprint ?? null);
  let verifying: Promise<StoreVerdict> | null = null;
  return {
    key,
    signer,
    verify() {
      verifying ??= runVerify({ path: join(home, 'rungate.db'), trustedKey, anchorFiles: files }).finally(() => {
        verifying = null;
      });
      return verifying;
    },
    close: signer.close,
  };
}

async function anchorFiles({ settings, folder, home, anchorFolder, store }: SigningOptions): Promise<string[]> {
  const installation = store.read.installation();
  if (settings?.anchors === undefined)
    return anchorFolder === null || installation === null ? [] : [anchorFileIn(anchorFolder, installation)];
  const files = settings.anchors.flatMap((anchor) => ('file' in anchor ? [resolve(folder, anchor.file)] : []));
  for (const file of files)
    if (await liesIn(file, resolve(home)))
      throw Object.assign(new Error(`The audit anchor ${file} lies in the home folder.`), {
        code: 'anchor_in_home',
        hint: 'An anchor is a second place: give a path outside the home folder, best on another disk.',
      });
  return files;
}

function webhookAnchors({ settings, channels }: SigningOptions): Anchor[] {
  const names = (settings?.anchors ?? []).flatMap((anchor) => ('webhook' in anchor ? [anchor.webhook] : []));
  return names.map((name) => {
    const channel = channels.find((one) => one.name === `webhook://${name}`);
    if (channel === undefined)
      throw Object.assign(new Error(`The audit anchor webhook ${name} is not among the channels.`), {
        code: 'anchor_unknown',
        hint: `Add a webhook named ${name} under channels in the configuration.`,
      });
    return webhookAnchor(channel);
  });
}

function runVerify(job: VerifyJob): Promise<StoreVerdict> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerFile(import.meta.url), { workerData: job });
    worker.once('message', (message: FromVerify) =>
      message.kind === 'verdict' ? resolve(message.verdict) : reject(new Error(message.message)),
    );
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the verifying thread ended')));
  });
}

/** The worker beside this module: its source when Node runs the sources, `verify-worker.js` in a bundle. */
const workerFile = (self: string): URL =>
  new URL(self.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js', self);
