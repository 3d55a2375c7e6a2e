/**
 * Approved calls that are being carried out. One request of a gate forwards it, the others wait for that to end and then
 * meet the gate again: there is never a second call to the provider for one approval.
 */
export interface Claims {
  /** Resolves when the call that is under way for this gate has ended; undefined when none is. */
  under(gateId: string): Promise<void> | undefined;
  take(gateId: string): void;
  release(gateId: string): void;
}

export function createClaims(): Claims {
  const claims = new Map<string, PromiseWithResolvers<void>>();
  return {
    under: (gateId) => claims.get(gateId)?.promise,
    take(gateId) {
      claims.set(gateId, Promise.withResolvers<void>());
    },
    release(gateId) {
      claims.get(gateId)?.resolve();
      claims.delete(gateId);
    },
  };
}
