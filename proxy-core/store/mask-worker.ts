import { parentPort, workerData } from 'node:worker_threads';
import { maskBody } from '../redaction/mask-body.ts';
import { createRedactor } from '../redaction/redactor.ts';
import type { MaskReply, MaskRequest, MaskWorkerOptions } from './body-masker.ts';

/** The thread that masks bodies before they are stored: patterns over megabytes of conversation are no work for the event loop. */
function serve(port: NonNullable<typeof parentPort>, { patterns }: MaskWorkerOptions): void {
  const created = createRedactor(patterns);
  if (created.kind === 'fault') throw new Error(`the pattern ${created.pattern} cannot be used: ${created.message}`);
  port.on('message', ({ id, body }: MaskRequest) => {
    const { value, masked } = maskBody(body, created.redactor);
    port.postMessage({ id, body: value, masked } satisfies MaskReply);
  });
}

if (parentPort !== null) serve(parentPort, workerData as MaskWorkerOptions);
