import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';

/** Processes are killed with SIGKILL around gates; what they had acknowledged must be there afterwards, and nothing decided twice. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

/** Run the writing program until it ends; returns what it acknowledged. */
async function runWriter(
  failPoint: string,
): Promise<{ readonly lines: readonly string[]; readonly signal: string | null }> {
  const child = spawn(process.execPath, ['test/store/gate-writer.ts', home.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, RUNGATE_FAIL_POINT: failPoint },
  });
  const exited = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  return { lines, signal: await exited };
}

const said = (lines: readonly string[], word: string): readonly string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

const keptText = (store: Store, gateId: string): string =>
  Buffer.from(store.read.keptAnswer(gateId)?.body ?? []).toString();

function checkAcknowledged(store: Store, lines: readonly string[]): void {
  for (const gateId of said(lines, 'opened')) {
    const gate = store.read.gate(gateId);
    expect(gate, gateId).not.toBeNull();
    if (gate?.kind === 'response') expect(keptText(store, gateId)).toBe(`answer of ${gateId}`);
  }
  for (const verdict of ['approved', 'rejected'] as const)
    for (const gateId of said(lines, verdict))
      expect(store.read.gate(gateId), gateId).toMatchObject({ state: verdict, decided_by: 'operator' });
  for (const gateId of said(lines, 'consumed')) expect(keptText(store, gateId)).toBe(`answer of ${gateId}`);
}

/** Gates, grants, run and trace say the same as the audit, and the chain holds. */
function checkInvariants(store: Store): void {
  const audit = store.read.audit({ afterSeq: 0, limit: 1_000_000 });
  expect(verifyChain(audit, sha256)).toMatchObject({ kind: 'ok' });
  const counted = (...kinds: readonly string[]): number => audit.filter(({ kind }) => kinds.includes(kind)).length;
  const gates: readonly GateRecord[] = store.read.gates({ limit: 1_000 }).items;
  const decided = gates.filter(({ state }) => state === 'approved' || state === 'rejected');
  expect(counted('gate.opened')).toBe(gates.length);
  expect(counted('gate.approved', 'gate.rejected')).toBe(decided.length + counted('gate.outcome_unknown'));
  expect(counted('grant.added')).toBe(store.read.grants(NOON).length);
  const steps = store.read.steps('run_1', { limit: 10_000 }).filter(({ kind }) => kind === 'gate');
  expect(steps.map(({ detail }) => [detail['gate_id'], detail['gate_state']]).sort()).toEqual(
    gates.map(({ gate_id, state }) => [gate_id, state]).sort(),
  );
  const waits = gates.some(({ state }) => state === 'pending');
  if (gates.length > 0) expect(store.read.run('run_1')?.state).toBe(waits ? 'waiting' : 'open');
}

describe('killed around gates', () => {
  // The writes before the first gate take two passes; each later one opens, decides, claims or consumes one or a few gates.
  const passes = [
    'before-commit:3',
    'before-commit:4',
    'before-commit:40',
    'after-commit:3',
    'after-commit:4',
    'after-commit:41',
    'before-fsync:4',
    'before-fsync:42',
    'after-fsync:4',
    'after-fsync:43',
    'mid-checkpoint:1',
  ];
  it.each(passes)(
    'at %s, no acknowledged gate, verdict or answer is lost, and what was claimed asks again',
    async (failPoint) => {
      const { lines, signal } = await runWriter(failPoint);
      expect(signal).toBe('SIGKILL');
      expect(lines.at(-1)).not.toBe('finished');
      const store = await home.open();
      checkAcknowledged(store, lines);
      checkInvariants(store);
      await store.write('recover', { at: NOON + 10 }).durable;
      const unknown = said(lines, 'claimed').filter((gateId) => keptText(store, gateId) === '');
      for (const gateId of unknown)
        expect(store.read.gate(gateId), gateId).toMatchObject({ state: 'pending', outcome_unknown: true });
      for (const gateId of said(lines, 'consumed'))
        expect(store.read.gate(gateId), gateId).toMatchObject({ state: 'approved', outcome_unknown: false });
      checkInvariants(store);
    },
  );

  it('not at all, everything is there', async () => {
    const { lines, signal } = await runWriter('');
    expect(signal).toBeNull();
    expect(lines.at(-1)).toBe('finished');
    const store = await home.open();
    checkAcknowledged(store, lines);
    checkInvariants(store);
    expect(said(lines, 'opened')).toHaveLength(120);
  });
});
