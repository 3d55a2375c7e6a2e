import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { readable } from '../store/handle.ts';
import { CONTROL, type ExportJob, type FromExport, PRINT } from './export-job.ts';
import { ExportFailed, type ExportHost, writeExport } from './write-export.ts';

/**
 * The thread that writes one export and ends: it reads, renders, hashes and writes on its own, so that neither the event
 * loop nor the store's writer waits for it. A run is read within one read transaction: all of a file belongs together.
 */
function serve(port: NonNullable<typeof parentPort>, job: ExportJob): void {
  const say = (message: FromExport): void => port.postMessage(message);
  const control = new Int32Array(job.control);
  const connection = new Database(job.store, { readonly: true, fileMustExist: true, timeout: 5_000 });
  const check = (): void => {
    if (Atomics.load(control, CONTROL.cancel) !== 0) throw new ExportFailed('cancelled', 'The export was cancelled.');
  };
  const host: ExportHost = {
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
  try {
    say(writeExport(readable(connection), job, host));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ kind: 'failed', reason: error instanceof ExportFailed ? error.reason : 'broken', message });
  } finally {
    connection.close();
  }
}

if (parentPort !== null) serve(parentPort, workerData as ExportJob);
