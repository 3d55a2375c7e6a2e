import { failure } from '../contract/failures.ts';
import type { Core } from '../exchange/core.ts';
import type { By } from '../store/store.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';

/** Signing browsers in to the console of a headless core. */

/** A launch address lives so long, ms. */
const LIFE_MS = 60_000;

/** `launchUrl` is null where there is no console in a browser (the desktop app has a window instead). */
export function consoleHandlers(
  { store, clock }: Pick<Core, 'store' | 'clock'>,
  launchUrl: () => (() => string) | null,
): Pick<Handlers, 'console.launch'> {
  return {
    async 'console.launch'(_input, by) {
      const make = launchUrl();
      if (make === null) throw new Refusal(NO_CONSOLE());
      const at = clock.now();
      // Whoever has the address is the operator: it is given out only when that is on record.
      await store.write('recordFact', { at, kind: 'console.address', fields: {}, by }).committed;
      return { launch_url: make(), expires_at: at + LIFE_MS };
    },
  };
}

/** Put on record that an address was used: a browser is signed in with a key of this fingerprint (SHA-256, base64url). */
export function recordSignIn({ store, clock, log }: Pick<Core, 'store' | 'clock' | 'log'>, key: string): void {
  const fact = { at: clock.now(), kind: 'console.signed_in', fields: { key }, by: BY };
  store.write('recordFact', fact).committed.catch((error: unknown) => {
    log.warn('console.sign_in_not_recorded', { error: String(error) });
  });
}

const BY: By = { actor: 'operator', channel: 'console' } satisfies Caller;

const NO_CONSOLE = () =>
  failure('unavailable_here', 'This core serves no console to browsers.', {
    recover: 'Use the app’s window, or start a core with rungate serve.',
  });
