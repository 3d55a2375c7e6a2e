import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../ports.ts';

/**
 * Which nonces this start of the core has given out, and which counts under them are spent.
 *
 * Threat: a proof that somebody has seen must be worth nothing: not a second time, and not after a restart. A nonce is a
 * number and its MAC under a key of this start, bound to one session, so giving nonces out keeps no memory and whoever
 * has only the cookie cannot exhaust any. Only a verified proof makes a window, the record of the counts spent under
 * its nonce. Requests overtake each other, so a window takes counts out of order within `WINDOW` of the highest.
 */
export interface ProofLedger {
  /** A nonce for a session (30 characters of base64url). */
  give(session: string): string;
  /** Whether this start gave the nonce to this session and still counts under it. */
  knows(session: string, nonce: string): boolean;
  /** Spend a count under a known nonce. False: it is spent already, or too far behind. Call it for verified proofs only. */
  spend(session: string, nonce: string, count: number): boolean;
}

/** So far behind the highest count a request may arrive. */
const WINDOW = 1024;
/** Nonces (so tabs) of a session that are counted under; the earliest makes room, and its tab is given another. */
const NONCES_AT_MOST = 64;

const NUMBER_BYTES = 6;
const MAC_BYTES = 16;

interface Counted {
  highest: number;
  readonly spent: Set<number>;
}

interface SessionLedger {
  /** Nonces up to this number are no longer known: what was spent under one of them has been forgotten. */
  floor: number;
  readonly windows: Map<number, Counted>;
}

/** Nothing given out yet. */
export function createProofLedger(random: Random): ProofLedger {
  const key = random.bytes(32);
  const ledgers = new Map<string, SessionLedger>();
  let given = 0;
  const macOf = (number: Buffer, session: string): Buffer =>
    createHmac('sha256', key).update(number).update(session).digest().subarray(0, MAC_BYTES);
  const ledgerOf = (session: string): SessionLedger => {
    const found = ledgers.get(session) ?? { floor: 0, windows: new Map<number, Counted>() };
    // One entry per session that was ever proven in this start: a sign-in each, which a person makes by hand.
    ledgers.set(session, found);
    return found;
  };
  /** The nonce's number, or null: not of this start, of another session, or of before the floor. */
  const numberOf = (session: string, nonce: string): number | null => {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== NUMBER_BYTES + MAC_BYTES) return null;
    const number = bytes.subarray(0, NUMBER_BYTES);
    if (!timingSafeEqual(bytes.subarray(NUMBER_BYTES), macOf(number, session))) return null;
    const value = number.readUIntBE(0, NUMBER_BYTES);
    return value > (ledgers.get(session)?.floor ?? 0) ? value : null;
  };
  return {
    give(session) {
      given += 1;
      const number = Buffer.alloc(NUMBER_BYTES);
      number.writeUIntBE(given, 0, NUMBER_BYTES);
      return Buffer.concat([number, macOf(number, session)]).toString('base64url');
    },
    knows: (session, nonce) => numberOf(session, nonce) !== null,
    spend(session, nonce, count) {
      const number = numberOf(session, nonce);
      return number !== null && spendIn(windowOf(ledgerOf(session), number), count);
    },
  };
}

/** The window of a nonce, made if there is none; the earliest nonce makes room for it. */
function windowOf(ledger: SessionLedger, number: number): Counted {
  const found = ledger.windows.get(number);
  if (found !== undefined) return found;
  const made: Counted = { highest: 0, spent: new Set() };
  ledger.windows.set(number, made);
  if (ledger.windows.size > NONCES_AT_MOST) {
    ledger.floor = Math.min(...ledger.windows.keys());
    ledger.windows.delete(ledger.floor);
  }
  return made;
}

function spendIn(window: Counted, count: number): boolean {
  if (count <= window.highest - WINDOW || window.spent.has(count)) return false;
  window.spent.add(count);
  window.highest = Math.max(window.highest, count);
  // Forgotten in one go now and then, so that spending costs the same however many there were.
  if (window.spent.size > 2 * WINDOW)
    for (const old of window.spent) if (old <= window.highest - WINDOW) window.spent.delete(old);
  return true;
}
