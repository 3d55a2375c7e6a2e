import { failure } from '../contract/failures.ts';
import type { Core } from '../exchange/core.ts';
import { type Handlers, Refusal } from './call.ts';
import { memoryOf, unknownGate } from './gate-refusals.ts';

type GrantHandlers = Pick<Handlers, 'grants.add' | 'grants.list' | 'grants.revoke'>;

/** Approvals with memory: what is remembered, and forgetting it. */
export function grantHandlers(core: Core): GrantHandlers {
  return {
    'grants.add': async ({ gate_id, scope, for_seconds }, by) => {
      const wish = memoryOf(scope, for_seconds);
      const remembered = await core.gates.remember(gate_id, wish, by);
      switch (remembered.kind) {
        case 'remembered':
          return { grant: remembered.grant };
        case 'not_found':
          throw unknownGate(gate_id);
        case 'not_approved':
          throw notRemembered(
            gate_id,
            `Only an approval can be remembered; gate ${gate_id} is ${remembered.gate.state}.`,
          );
        case 'not_grantable':
          throw notRemembered(gate_id, remembered.reason);
      }
    },
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

const notRemembered = (gateId: string, why: string): Refusal =>
  new Refusal(
    failure('invalid_request', why, {
      gate_id: gateId,
      recover: 'Nothing is remembered. Decide such calls one by one.',
    }),
  );
