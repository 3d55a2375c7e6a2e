import { parentPort } from 'node:worker_threads';
import { matchJob, type RegexJob } from '../policy/regex.ts';

/** Does long regex work off the event loop: one job in, one verdict out, in order. */
parentPort?.on('message', (job: RegexJob) => parentPort?.postMessage(matchJob(job)));
