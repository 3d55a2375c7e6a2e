import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServe } from '../../electron/cli/commands/serve.ts';
import type { StartHeadless } from '../../electron/cli/headless-host.ts';
import { runCommandLine } from '../../electron/cli/run.ts';

/** `rungate serve` over a small real server in the core's place. It answers at once and ends the answer when the request ends. */

const startHost: StartHeadless = async (options) => {
  options.log.info('started', { demo: options.demo, config: options.configFile, home: options.home });
  const server = createServer((request, response) => {
    response.flushHeaders();
    const answer = JSON.stringify({ limits: options.configuration?.limits ?? null });
    request.resume().once('end', () => response.end(answer));
  });
  server.listen(options.agentPort, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    agentUrl: `http://127.0.0.1:${port}`,
    consoleUrl: `http://127.0.0.1:${options.consolePort}`,
    launchUrl: `http://127.0.0.1:${options.consolePort}/launch`,
    pid: process.pid,
    demo: options.demo ? { token: 'rg_agt_demo', model: 'demo-chat' } : null,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

process.exitCode = await runCommandLine(
  {
    argv: process.argv.slice(2),
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  [createServe(() => Promise.resolve(startHost))],
);
