import type { KeptAnswer } from '../store/store.ts';
import type { Admitted } from './admission.ts';
import type { Core } from './core.ts';

/**
 * Approved calls that are being carried out. One request of a gate forwards it, the others wait for that to end and then
 * meet the gate again: there is never a second call to the provider for one approval.
 */
export interface Claims {
  /** Resolves when the call that is under way for this gate has ended; undefined when none is. */
  under(gateId: string): Promise<void> | undefined;
  take(gateId: string, exchangeId: string): void;
  /** Ends the claim of this exchange; another's stays. */
  release(gateId: string, exchangeId: string): void;
}

/** No call is being carried out. */
export function createClaims(): Claims {
  const claims = new Map<string, { readonly exchangeId: string; readonly over: PromiseWithResolvers<void> }>();
  return {
    under: (gateId) => claims.get(gateId)?.over.promise,
    take(gateId, exchangeId) {
      claims.set(gateId, { exchangeId, over: Promise.withResolvers<void>() });
    },
    release(gateId, exchangeId) {
      const claim = claims.get(gateId);
      if (claim?.exchangeId !== exchangeId) return;
      claims.delete(gateId);
      claim.over.resolve();
    },
  };
}

/**
 * A call under an approved request gate has ended: a complete answer uses the approval up and is kept for every retry; with
 * null the approval is as good as before. Durable when it resolves.
 */
export async function endClaim(
  core: Core,
  { gateId, exchangeId }: Pick<Admitted, 'gateId' | 'exchangeId'>,
  answer: KeptAnswer | null,
): Promise<void> {
  if (gateId === null) return;
  try {
    const at = core.clock.now();
    await core.store.write('consumeGate', { at, gateId, answer }).durable;
    if (answer !== null) core.gates.released(gateId, at);
  } finally {
    core.claims.release(gateId, exchangeId);
  }
}
