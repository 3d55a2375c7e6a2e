import { statSync } from 'node:fs';
import { createNumbers, type Message, renderChat, turnOf } from '../bodies.ts';
import { median, quantile } from '../measure.ts';
import { context, judged, ms, ratio, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { createDisk, measureSync } from './durable-commit.ts';
import { createSampleStore } from './sample-store.ts';
import type { Scenario } from './scenario.ts';

/** The store by itself: how long a write takes, and how much room a long conversation takes. */
export const store: Scenario = {
  name: 'store',
  behaviours: [],
  run: async (_peers, settings) => [await commits(settings), await conversation(settings)],
};

async function commits(settings: Settings): Promise<Section> {
  const disk = await createDisk();
  const durable: number[] = [];
  for (let round = 0; round < settings.rounds * 8; round += 1) durable.push(await disk.commit());
  await disk.close();
  const committed = disk.committed;
  return {
    title: 'Store, one admission at a time',
    rows: [
      context('committed (survives kill -9)', `${ms(median(committed))}, p99 ${ms(quantile(committed, 0.99))}`),
      context('durable (survives a power cut)', ms(median(durable))),
      context('one append + fdatasync of this disk', ms(measureSync())),
    ],
  };
}

/** A conversation that grows to 1 MB over its turns, each request and answer stored whole. */
async function conversation(settings: Settings): Promise<Section> {
  const empty = await createSampleStore();
  await empty.shut();
  const emptyBytes = statSync(empty.path).size;
  await empty.close();

  const sample = await createSampleStore();
  const next = createNumbers(42);
  const perTurn = Math.floor((1024 * 1024) / settings.turns) - 560;
  const turns: Message[] = [];
  let unique = 0;
  let lastLength = 0;
  const sizes: number[] = [];
  for (let index = 0; index < settings.turns; index += 1) {
    turns.push(...turnOf(index, perTurn, next));
    const request = Buffer.from(renderChat('bench-model', turns, {}));
    const answer = Buffer.from(JSON.stringify({ id: `chatcmpl-${index}`, choices: [{ message: turns.at(-2) }] }));
    unique += request.length - lastLength + answer.length;
    lastLength = request.length;
    const { exchangeId, committed } = sample.admit('run_conversation');
    await committed;
    void sample.store.write('storeRequest', { exchangeId, body: request });
    void sample.store.write('storeResponse', { exchangeId, body: answer });
    await sample.settle(exchangeId).durable;
    sizes.push(await storedBytes(sample.path));
  }
  await sample.shut();
  const stored = statSync(sample.path).size - emptyBytes;
  await sample.close();
  return {
    title: `Storage of a ${settings.turns}-turn conversation growing to 1 MB`,
    rows: [
      context('unique bytes, requests and answers', `${(unique / 1024).toFixed(0)} KiB`),
      context('stored, records and audit included', `${(stored / 1024).toFixed(0)} KiB`),
      judged('storage: against unique bytes', ratio(stored / unique), '<= 1.3 x', stored <= 1.3 * unique),
      ...linearRows(sizes, emptyBytes),
    ],
  };
}

/** Database and log together: what is on the disk after a turn. Sizes come from `stat`, which opens nothing. */
async function storedBytes(path: string): Promise<number> {
  return statSync(path).size + statSync(`${path}-wal`).size;
}

/** Linear: the second half of the turns needs no more room than the first half, a fifth allowed. */
function linearRows(sizes: readonly number[], emptyBytes: number) {
  const middle = (sizes[Math.floor(sizes.length / 2) - 1] ?? Number.NaN) - emptyBytes;
  const growth = ((sizes.at(-1) ?? Number.NaN) - emptyBytes - middle) / middle;
  return [judged('storage: second half of the turns against the first', ratio(growth), '<= 1.2 x', growth <= 1.2)];
}
