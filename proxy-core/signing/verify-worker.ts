import { parentPort, workerData } from 'node:worker_threads';
import { readAnchor } from './read-anchor.ts';
import { type StoreVerdict, verifyStore } from './verify-store.ts';

/** What the verifying thread is given: the store's file, the trusted key, and the anchor files to look at. */
export interface VerifyJob {
  readonly path: string;
  readonly trustedKey: string | null;
  readonly anchorFiles: readonly string[];
}

export type FromVerify =
  | { readonly kind: 'verdict'; readonly verdict: StoreVerdict }
  | { readonly kind: 'failed'; readonly message: string };

function serve(port: NonNullable<typeof parentPort>, { path, trustedKey, anchorFiles }: VerifyJob): void {
  const say = (message: FromVerify): void => port.postMessage(message);
  try {
    const anchors = anchorFiles.map(readAnchor);
    say({ kind: 'verdict', verdict: verifyStore({ path, trustedKey, anchors }, () => undefined) });
  } catch (error) {
    say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

if (parentPort !== null) serve(parentPort, workerData as VerifyJob);
