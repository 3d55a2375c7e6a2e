import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { StoreUnavailable } from '../../proxy-core/store/store.ts';
import { admitInput, agentInput, NOON, settleInput } from './fixture-store.ts';

/** A program that writes to the store named by its argument with no file descriptor left, and says what became of it. */
const store = await openStore({ path: process.argv[2] ?? '', clock: () => NOON });
await store.write('saveAgent', agentInput()).durable;

const taken: number[] = [];
let exhausted = '';
while (exhausted === '') {
  try {
    taken.push(openSync(devNull, 'r'));
  } catch (error) {
    exhausted = (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
const outcome = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreUnavailable ? error.trouble.reason : String(error)),
  );
const body = new TextEncoder().encode(JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(300_000) }] }));
const without = [
  await outcome(store.write('admit', admitInput('xch_1')).durable),
  await outcome(store.write('storeRequest', { exchangeId: 'xch_1', body }).durable),
  await outcome(store.write('settle', settleInput('xch_1')).durable),
];
for (const descriptor of taken) closeSync(descriptor);
const later = await outcome(store.write('admit', admitInput('xch_2')).durable);
process.stdout.write(JSON.stringify({ exhausted, without, later, trouble: store.trouble }));
await store.close();
