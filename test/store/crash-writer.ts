import { writeSync } from 'node:fs';
import { nanoUsd } from '../../proxy-core/contract/money.ts';
import { FAIL_POINTS, type FailPoint } from '../../proxy-core/store/messages.ts';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { admitInput, agentInput, NOON, OPERATOR, settleInput } from './fixture-store.ts';

/**
 * A program that writes to the store named by its first argument until it is killed, and says what was
 * acknowledged, one line each, as soon as it was. Ids begin with the second argument. RUNGATE_FAIL_POINT
 * (`name:pass`) has it kill itself there. Odd calls are left open, as if the answer never came.
 */
const [path = '', prefix = ''] = process.argv.slice(2);
const LANES = 4;
const CALLS_PER_LANE = 400;

const say = (...words: readonly (string | number)[]): void => {
  writeSync(1, `${words.join(' ')}\n`);
};

function failPointOf(text: string | undefined): FailPoint | undefined {
  const [name, pass] = (text ?? '').split(':');
  const at = FAIL_POINTS.find((known) => known === name);
  return at === undefined ? undefined : { at, pass: Number(pass) };
}

const failPoint = failPointOf(process.env['RUNGATE_FAIL_POINT']);
const store = await openStore({
  path,
  clock: () => NOON,
  limits: { busyPages: 64, idlePages: 1 },
  ...(failPoint === undefined ? {} : { failPoint }),
});
say('open');
await store.write('recover', { at: NOON }).committed;
if (store.read.agents().length === 0) {
  await store.write('saveAgent', agentInput()).committed;
  const budget = { scope: 'agent', subject: 'agt_1', cap: nanoUsd(10 ** 12), window: 'day', alertAt: [] } as const;
  await store.write('setBudget', { at: NOON, ...budget, by: OPERATOR }).committed;
}
say('ready');

async function lane(number: number): Promise<void> {
  for (let n = 0; n < CALLS_PER_LANE; n += 1) {
    const id = `xch_${prefix}_${number}_${n}`;
    const admitted = store.write('admit', admitInput(id));
    await admitted.committed;
    say('admitted', id);
    const stored = store.write('storeRequest', {
      exchangeId: id,
      body: Buffer.from(`body of ${id} ${'.'.repeat(n * 3)}`),
    });
    if (n % 2 === 1) continue;
    const settled = store.write('settle', settleInput(id));
    await settled.committed;
    say('settled', id);
    await stored.durable;
    say('stored', id);
  }
}

await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
await store.durable();
say('finished');
await store.close();
