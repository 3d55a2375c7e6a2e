import { writeSync } from 'node:fs';
import { FAIL_POINTS, type FailPoint } from '../../proxy-core/store/messages.ts';
import { openStore } from '../../proxy-core/store/open-store.ts';
import { NOON } from './fixture-store.ts';
import { beginRun, decision, grant, keptAnswer, openInput } from './gate-fixtures.ts';

/**
 * A program that opens, decides, claims and consumes gates in the store named by its first argument until it is killed,
 * and says what was acknowledged as durable, one line each, as soon as it was. RUNGATE_FAIL_POINT (`name:pass`) has
 * it kill itself there. Every second gate is a request gate, every fourth is left pending.
 */
const [path = ''] = process.argv.slice(2);
const LANES = 3;
const GATES_PER_LANE = 40;

const say = (...words: readonly string[]): void => {
  writeSync(1, `${words.join(' ')}\n`);
};

function failPointOf(text: string | undefined): FailPoint | undefined {
  const [name, pass] = (text ?? '').split(':');
  const at = FAIL_POINTS.find((known) => known === name);
  return at === undefined ? undefined : { at, pass: Number(pass) };
}

const failPoint = failPointOf(process.env['RUNGATE_FAIL_POINT']);
const limits = { busyPages: 64, idlePages: 1 };
const store = await openStore({ path, clock: () => NOON, limits, ...(failPoint === undefined ? {} : { failPoint }) });
await beginRun(store);
say('ready');

async function lane(number: number): Promise<void> {
  for (let n = 0; n < GATES_PER_LANE; n += 1) {
    const gateId = `gate_${number}_${n}`;
    const kind = n % 2 === 0 ? 'response' : 'request';
    const answer = kind === 'response' ? keptAnswer(`answer of ${gateId}`) : null;
    await store.write('openGate', { ...openInput(gateId, { kind }), answer }).durable;
    say('opened', gateId);
    if (n % 4 === 3) continue;
    const verdict = n % 4 === 2 ? 'rejected' : 'approved';
    const given = n % 4 === 0 ? grant(gateId, { grant_id: `grant_${number}_${n}` }) : null;
    await store.write('decideGate', decision(gateId, NOON + 1, { verdict, grant: given })).durable;
    say(verdict, gateId);
    if (kind === 'response') continue;
    await store.write('claimGate', { at: NOON + 2, gateId, exchangeId: 'xch_1' }).durable;
    say('claimed', gateId);
    if (n % 8 === 1) continue;
    await store.write('consumeGate', { at: NOON + 3, gateId, answer: keptAnswer(`answer of ${gateId}`) }).durable;
    say('consumed', gateId);
  }
}

await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
say('finished');
await store.close();
