import { writeSync } from 'node:fs';
import { FAIL_POINTS, type FailPoint } from '../../proxy-core/store/messages.ts';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { purge } from '../../proxy-core/store/purge.ts';
import { admitInput, NOON, settleInput } from './fixture-store.ts';
import { bodyOf, DAY, purgeOf } from './retention-fixtures.ts';

/**
 * A program that removes the traces of every ended or silent run in the store named by its first argument, while calls go
 * on in the run `open`, and in `silent` as soon as its trace begins to go, and says what was acknowledged. RUNGATE_FAIL_POINT (`name:pass`) has it kill itself there.
 */
const [path = ''] = process.argv.slice(2);

const say = (...words: readonly string[]): void => {
  writeSync(1, `${words.join(' ')}\n`);
};

function failPointOf(text: string | undefined): FailPoint | undefined {
  const [name, pass] = (text ?? '').split(':');
  const at = FAIL_POINTS.find((known) => known === name);
  return at === undefined ? undefined : { at, pass: Number(pass) };
}

const failPoint = failPointOf(process.env['RUNGATE_FAIL_POINT']);
const limits = { busyPages: 64, idlePages: 16 };
const store = await openStore({ path, clock: () => NOON, limits, ...(failPoint === undefined ? {} : { failPoint }) });
say('open');

/** The client of the run `silent` is back. */
async function callSilent(n: number): Promise<void> {
  const exchangeId = `xch_silent_again_${n}`;
  const at = NOON + 40 * DAY;
  await store.write('admit', admitInput(exchangeId, { runId: 'silent', start: null, at })).committed;
  const stored = store.write('storeRequest', { exchangeId, body: bodyOf('silent', n % 20) });
  await store.write('settle', settleInput(exchangeId, { at })).committed;
  await stored.committed;
  say('stored', exchangeId, 'silent', String(n % 20));
}

let purging = true;
const purged = purge(purgeOf(store), { endedBy: NOON + 30 * DAY, maxBytes: null }).finally(() => {
  purging = false;
});
for (let n = 100; purging; n += 1) {
  const exchangeId = `xch_open_${n}`;
  await store.write('admit', admitInput(exchangeId, { runId: 'open' })).committed;
  // Says again what a run has said whose trace is going.
  const stored = store.write('storeRequest', { exchangeId, body: bodyOf('old', n % 20) });
  await store.write('settle', settleInput(exchangeId)).committed;
  await stored.committed;
  say('stored', exchangeId, 'old', String(n % 20));
  if (store.read.run('silent')?.trace_pruned_at !== null) await callSilent(n);
}
await purged;
say('finished');
await store.close();
