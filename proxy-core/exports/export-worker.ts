import { parentPort, workerData } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { connectReadOnly } from '../store/connect.ts';
import { readable } from '../store/handle.ts';
import { CONTROL, type ExportJob, type FromExport, PRINT } from './export-job.ts';
import { whyUnwritable } from './unwritable.ts';
import { ExportFailed, type ExportHost, writeExport } from './write-export.ts';

/**
 * The thread that writes one export and ends: it reads, renders, hashes and writes on its own, so that neither the event
 * loop nor the store's writer waits for it. A run is read within one read transaction: all of a file belongs together.
 */
function serve(port: NonNullable<typeof parentPort>, job: ExportJob): void {
  const say = (message: FromExport): void => port.postMessage(message);
  try {
    const connection = connectReadOnly(job.store);
    try {
      say(writeExport(readable(connection), job, hostOver(connection, job, say)));
    } finally {
      connection.close();
    }
  } catch (error) {
    say({ kind: 'failed', ...faultOf(error) });
  }
}

function faultOf(error: unknown): Pick<Extract<FromExport, { kind: 'failed' }>, 'reason' | 'message'> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ExportFailed) return { reason: error.reason, message };
  const why = whyUnwritable(error);
  return why === null ? { reason: 'broken', message } : { reason: 'unwritable', message: why };
}

/** What writing asks of this thread. */
function hostOver(connection: Database.Database, job: ExportJob, say: (message: FromExport) => void): ExportHost {
  const control = new Int32Array(job.control);
  const check = (): void => {
    if (Atomics.load(control, CONTROL.cancel) !== 0) throw new ExportFailed('cancelled', 'The export was cancelled.');
  };
  return {
    check,
    progress(done, of) {
      check();
      say({ kind: 'progress', done, of });
    },
    snapshot(read) {
      if (connection.inTransaction) return read();
      connection.exec('BEGIN');
      try {
        return read();
      } finally {
        connection.exec('COMMIT');
      }
    },
    print(html, pdf) {
      check();
      Atomics.store(control, CONTROL.printed, PRINT.waiting);
      say({ kind: 'print', html, pdf });
      Atomics.wait(control, CONTROL.printed, PRINT.waiting);
      check();
      if (Atomics.load(control, CONTROL.printed) !== PRINT.done)
        throw new ExportFailed('cannot_print', 'The report could not be printed to a PDF.');
    },
  };
}

if (parentPort !== null) serve(parentPort, workerData as ExportJob);
