import { expect, it } from 'vitest';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { launchCode, openSession } from '../harness/browser-session.ts';
import { startTestRungate } from '../harness/rungate.ts';

it('a page that is not signed in is told a command without a path; one that is, the whole', async () => {
  const program = {
    anywhere: 'node /srv/private/rungate.js',
    unsigned: { name: 'npx rungate', where: 'in the folder that Rungate was installed in' },
  };
  const rungate = await startTestRungate({ operatorPort: 0, program });
  const session = openSession(rungate.core.operator?.url ?? '');
  const ask = createHttpTransport(session);
  const refused = await ask.call('core.status', {});
  expect(refused).toMatchObject({
    failure: {
      context: { sign_in: { command: 'npx rungate console --open', where: program.unsigned.where } },
    },
  });
  expect(JSON.stringify(refused)).not.toContain('/srv/');
  await ask.redeem(launchCode(rungate.core.operator?.launchUrl() ?? ''));
  expect(await ask.call('core.status', {})).toMatchObject({ value: { program: program.anywhere } });
  expect(await ask.call('runs.show', { run_id: 'run_none', limit: 1 })).toMatchObject({
    failure: { context: { recover: 'See: node /srv/private/rungate.js runs' } },
  });
  await rungate.close();
});
