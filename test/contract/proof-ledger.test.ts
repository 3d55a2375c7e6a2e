import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createProofLedger } from '../../proxy-core/http/proof-ledger.ts';

/** Nonces and the counts spent under them, apart from any request. */

const start = () => createProofLedger({ bytes: (count) => randomBytes(count) });

it('knows its own nonces, for their session only, and those of no other start', () => {
  const ledger = start();
  const nonce = ledger.give('a');
  expect(ledger.knows('a', nonce)).toBe(true);
  expect(ledger.knows('b', nonce)).toBe(false);
  expect(start().knows('a', nonce)).toBe(false);
  for (const forged of ['', 'A'.repeat(30), `B${nonce.slice(1)}`, nonce.slice(0, -1)])
    expect(ledger.knows('a', forged), forged).toBe(false);
});

it('spends each count once, in any order within the window, and none from behind it', () => {
  const ledger = start();
  const nonce = ledger.give('a');
  for (const count of [3, 1, 2, 500, 4]) expect(ledger.spend('a', nonce, count)).toBe(true);
  for (const count of [1, 2, 3, 4, 500]) expect(ledger.spend('a', nonce, count)).toBe(false);
  for (let count = 501; count <= 5_000; count += 1) expect(ledger.spend('a', nonce, count)).toBe(true);
  for (let count = 1; count <= 5_000; count += 7) expect(ledger.spend('a', nonce, count)).toBe(false);
  expect(ledger.spend('a', nonce, 5_002)).toBe(true);
  expect(ledger.spend('a', nonce, 5_001)).toBe(true);
});

it('lets the earliest of sixty-five nonces go, and never counts under it again', () => {
  const ledger = start();
  const nonces = Array.from({ length: 65 }, () => ledger.give('a'));
  for (const nonce of nonces) expect(ledger.spend('a', nonce, 1)).toBe(true);
  const [first = '', second = ''] = nonces;
  expect(ledger.knows('a', first)).toBe(false);
  expect(ledger.spend('a', first, 1)).toBe(false);
  expect(ledger.spend('a', second, 1)).toBe(false);
  expect(ledger.spend('a', second, 2)).toBe(true);
});

it('gives nonces to whoever asks without letting one go that counts', () => {
  const ledger = start();
  const nonce = ledger.give('a');
  expect(ledger.spend('a', nonce, 1)).toBe(true);
  for (let given = 0; given < 10_000; given += 1) ledger.give('a');
  expect(ledger.spend('a', nonce, 1)).toBe(false);
  expect(ledger.spend('a', nonce, 2)).toBe(true);
});
