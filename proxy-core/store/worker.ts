import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createBacklog } from './backlog.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.ts';
import { StoreRefused } from './refusal.ts';
import { openWriter, type Writer } from './writer.ts';

/**
 * The worker thread around the writer. Each turn takes everything that has been submitted and has it committed as
 * one transaction; so the more is submitted, the more each commit and each sync carries.
 */

/** After this long without a request the log is looked after, ms. */
const IDLE_AFTER = 100;

function serveFrom(port: MessagePort, writer: Writer, say: (message: FromWorker) => void): void {
  const backlog = createBacklog();
  const idle = setTimeout(() => writer.rest(), IDLE_AFTER);
  let closing = false;
  let scheduled = false;

  const accept = (message: ToWorker): void => {
    if (message.kind === 'close') closing = true;
    else backlog.add(message.requests);
  };

  const close = async (): Promise<void> => {
    clearTimeout(idle);
    await writer.close();
    say({ kind: 'closed' });
    port.close();
  };

  const schedule = (): void => {
    if (!scheduled) setImmediate(takeTurn);
    scheduled = true;
  };

  const takeTurn = (): void => {
    scheduled = false;
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      accept(next.message as ToWorker);
    const requests = backlog.next();
    if (requests.length > 0) writer.serve(requests);
    if (!backlog.empty) schedule();
    else if (closing) void close();
    else idle.refresh();
  };

  port.on('message', (message: ToWorker) => {
    accept(message);
    schedule();
  });
}

function open(port: MessagePort, options: WorkerOptions): void {
  const say = (message: FromWorker): void => port.postMessage(message);
  try {
    serveFrom(port, openWriter(options, say), say);
    say({ kind: 'ready' });
  } catch (error) {
    const code = error instanceof StoreRefused ? error.code : null;
    say({ kind: 'refused', code, message: error instanceof Error ? error.message : String(error) });
    port.close();
  }
}

if (parentPort !== null) open(parentPort, workerData as WorkerOptions);
