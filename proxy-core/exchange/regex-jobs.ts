import { Worker } from 'node:worker_threads';
import type { RegexAnswer, RegexJob } from '../policy/regex.ts';

/**
 * Long regex work in a worker thread. The engine is linear-time, so a job ends; one that still takes longer than
 * the patience is given up as "cannot be told", which counts against the call.
 */
export interface RegexJobs {
  answer(jobs: readonly RegexJob[]): Promise<readonly RegexAnswer[]>;
  close(): Promise<void>;
}

const PATIENCE_MS = 10_000;

/** The worker starts with the first job and is replaced when it had to be given up. */
export function createRegexJobs(): RegexJobs {
  let worker: Worker | null = null;
  let queue: Promise<unknown> = Promise.resolve();

  const one = (job: RegexJob): Promise<RegexAnswer> =>
    new Promise((resolve) => {
      worker ??= startWorker();
      const doing = worker;
      const finish = (matched: boolean | null, broken: boolean): void => {
        clearTimeout(late);
        // By name: without Node's own listeners the worker's next message would never be heard.
        doing.removeAllListeners('message').removeAllListeners('error');
        if (broken) {
          worker = null;
          void doing.terminate();
        }
        resolve({ ...job, matched });
      };
      const late = setTimeout(() => finish(null, true), PATIENCE_MS);
      doing.once('message', (matched: boolean | null) => finish(matched, false));
      doing.once('error', () => finish(null, true));
      doing.postMessage(job);
    });

  return {
    // One job at a time, and whoever waits takes turns: many jobs of one call do not hold up those of another.
    async answer(jobs) {
      const answers: RegexAnswer[] = [];
      for (const job of jobs) {
        const answered = queue.then(() => one(job));
        queue = answered;
        answers.push(await answered);
      }
      return answers;
    },
    async close() {
      await worker?.terminate();
    },
  };
}

function startWorker(): Worker {
  const self = import.meta.url;
  const worker = new Worker(new URL(self.endsWith('.ts') ? './regex-worker.ts' : './regex-worker.js', self));
  worker.unref();
  return worker;
}
