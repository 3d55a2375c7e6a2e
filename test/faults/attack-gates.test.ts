import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GateBench, open, startGateBench } from '../exchange/gates/gate-bench.ts';

/** An approval outlives what it was given for. */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
afterAll(() => bench.close());

it('an agent that is revoked between its approval and the end of the undo window is let through no more', async () => {
  const caller = await bench.caller({ policy: 'asking', delivery: 'hold' });
  const forwarded = bench.forwarded();
  const call = open(bench, caller, 'chat', { stream: true });
  const { gate_id: gateId } = await bench.opened(caller);
  await bench.rungate.core.call('gates.approve', { gate_id: gateId }, { actor: 'operator', channel: 'console' });
  await bench.rungate.call('agents.revoke', { name: caller.name });
  bench.rungate.advance(60_000);
  await bench.rungate.core.clockChanged();
  const answer = await call.answer;
  expect([answer.ended, answer.text.includes('agent_token_invalid'), forwarded()]).toEqual([false, true, 0]);
});
