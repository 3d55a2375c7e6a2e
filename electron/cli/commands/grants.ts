import type { GrantRecord } from '../../../proxy-core/contract/records.ts';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { type Command, command, printed } from '../command.ts';
import { renderRecord, renderTable, renderTime } from '../output.ts';

const list = command({
  name: 'grants list',
  operands: [],
  about: 'List what is approved with memory.',
  options: {},
  async run({ call }) {
    return printed(await call('grants.list', {}), ({ grants }) => ({
      json: renderRecord({ grants }),
      text: grants.length === 0 ? 'Nothing is remembered.' : renderGrants(grants),
    }));
  },
});

const revoke = command({
  name: 'grants revoke',
  operands: ['GRANT'],
  about: 'Forget an approval: its rule gates again.',
  options: {},
  async run({ operands: [grantId = ''], call }) {
    return printed(await call('grants.revoke', { grant_id: grantId }), ({ grant }) => ({
      json: renderRecord({ grant }),
      text: `Revoked (uses: ${grant.used}): ${grant.shown}`,
    }));
  },
});

/** Approvals with memory. */
export const grantCommands: readonly Command[] = [list, revoke];

const renderGrants = (grants: readonly GrantRecord[]): string =>
  renderTable(
    ['GRANT', 'SCOPE', 'AGENT', 'RUN', 'RULE', 'USED', 'EXPIRES', 'COVERS'],
    grants.map((grant) => [
      grant.grant_id,
      grant.scope,
      grant.agent,
      grant.run_id ?? '-',
      visible(grant.rule),
      String(grant.used),
      renderTime(grant.expires_at),
      grant.shown,
    ]),
    [5],
  );
