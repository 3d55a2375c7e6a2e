import { expect, it } from 'vitest';
import { playEventfulRun } from '../harness/eventful-run.ts';

it('shows of each call the fingerprint by which its retry finds its gate', async () => {
  const run = await playEventfulRun();
  try {
    const { gates } = await run.rungate.call('gates.list', { run_id: run.runId });
    const { exchanges } = await run.rungate.call('runs.show', { run_id: run.runId });
    expect(gates).toHaveLength(2);
    for (const gate of gates) {
      const shown = await run.rungate.call('exchanges.fingerprint', { exchange_id: gate.exchange_id ?? '' });
      expect(shown.fingerprint).toBe(gate.fingerprint);
    }
    const prints = await Promise.all(
      exchanges.map(({ exchange_id }) => run.rungate.call('exchanges.fingerprint', { exchange_id })),
    );
    expect(prints.every(({ fingerprint }) => /^fp1:[0-9a-f]{64}$/.test(fingerprint ?? ''))).toBe(true);
  } finally {
    await run.close();
  }
});
