import { parentPort, workerData } from 'node:worker_threads';
import { connectReadOnly } from './connect.ts';
import { readable } from './handle.ts';
import type { ReaderOptions, ReadReply, ReadRequest } from './open-reads.ts';
import { READS } from './read-queries.ts';
import type { ReadName } from './reads.ts';

/**
 * The thread around a read-only connection. Each query is one read transaction, so that what it returns belongs
 * together (a run's total and the costs of its steps), and short, so that the write-ahead log can be carried over.
 */
function serve(port: NonNullable<typeof parentPort>, { path }: ReaderOptions): void {
  const connection = connectReadOnly(path);
  const db = readable(connection);

  const carryOut = <N extends ReadName>({ name, input }: ReadRequest<N>): unknown => {
    connection.exec('BEGIN');
    try {
      return READS[name](db, input);
    } finally {
      connection.exec('COMMIT');
    }
  };

  port.on('message', (request: ReadRequest) => {
    let reply: ReadReply;
    try {
      reply = { id: request.id, kind: 'done', value: carryOut(request) };
    } catch (error) {
      reply = { id: request.id, kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(reply);
  });
}

if (parentPort !== null) serve(parentPort, workerData as ReaderOptions);
