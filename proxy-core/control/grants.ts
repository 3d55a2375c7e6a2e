import { failure } from '../contract/failures.ts';
import type { Core } from '../exchange/core.ts';
import { type Handlers, Refusal } from './call.ts';

type GrantHandlers = Pick<Handlers, 'grants.list' | 'grants.revoke'>;

/** Approvals with memory: what is remembered, and forgetting it. */
export function grantHandlers(core: Core): GrantHandlers {
  return {
    'grants.list': () => ({ grants: [...core.store.read.grants(core.clock.now())] }),
    'grants.revoke': async ({ grant_id }, by) => {
      const grant = await core.gates.revokeGrant(grant_id, by);
      if (grant !== null) return { grant };
      throw new Refusal(
        failure('not_found', `There is no grant ${grant_id.slice(0, 80)}.`, { recover: 'See: rungate grants list' }),
      );
    },
  };
}
