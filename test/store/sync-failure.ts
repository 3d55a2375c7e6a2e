import { openStore } from '../../proxy-core/store/open-store.ts';
import { StoreUnavailable } from '../../proxy-core/store/store.ts';
import { admitInput, agentInput, NOON } from './fixture-store.ts';

/** A program that writes to the store named by its argument until a sync fails, and says what became of each promise. */
const outcome = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreUnavailable ? error.trouble.reason : String(error)),
  );

const store = await openStore({ path: process.argv[2] ?? '', clock: () => NOON });
let committed = '';
let durable = 'done';
for (let n = 0; n < 50 && durable === 'done'; n += 1) {
  const receipt = store.write('saveAgent', agentInput({ at: NOON + n }));
  committed = await outcome(receipt.committed);
  durable = await outcome(receipt.durable);
}
const later = await outcome(store.write('admit', admitInput('xch_1')).committed);
const all = await outcome(store.durable());
process.stdout.write(JSON.stringify({ committed, durable, later, all, trouble: store.trouble?.reason }));
await store.close();
