import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trySample } from '../../renderer/screens/inbox/try-a-gate.ts';
import { type Finished, startProgram } from './rungate-process.ts';

/**
 * Commands that the product prints, run as a person would who pastes them: in a clone whose path has spaces, with a home
 * of its own, and nothing called `rungate` on PATH.
 */

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const CONFIGURATION = 'agent_port: 0\nconsole_port: 0\nproviders: [{ id: demo }]\n';

const place = mkdtempSync(join(tmpdir(), 'rungate-pasted-'));
const clone = join(place, 'my clone');
const home = join(place, "it's my home");
const elsewhere = join(place, 'elsewhere');
// What npm puts on a script's PATH is not in a person's terminal; npx must fetch nothing.
const env = {
  PATH: [join(PROJECT, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(':'),
  HOME: place,
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_loglevel: 'error',
};

const run = (folder: string, line: string): Promise<Finished> =>
  startProgram('sh', ['-c', `cd "$1" && ${line}`, 'sh', folder], env).finished;

let core: ChildProcess;
let welcome = '';
let agentUrl: string;

/** The commands in a text: from the program's name to the end of the line or clause. */
function commandsIn(text: string): readonly string[] {
  return [...text.matchAll(/(?:npx rungate|node '[^']*rungate\.js').*?(?= {2}| \(|[,;)] |[.)]*$)/gm)].map(
    ([line]) => line,
  );
}

const pasted = (command: string): string => command.replace('--usd X', '--usd 5').replace(/\bNAME\b/, 'pasted');

beforeAll(async () => {
  mkdirSync(elsewhere);
  mkdirSync(join(clone, 'node_modules'), { recursive: true });
  for (const part of ['electron', 'proxy-core', 'package.json'])
    cpSync(join(PROJECT, part), join(clone, part), { recursive: true });
  for (const name of readdirSync(join(PROJECT, 'node_modules')))
    if (name !== '.bin') symlinkSync(join(PROJECT, 'node_modules', name), join(clone, 'node_modules', name));
  writeFileSync(join(clone, 'rungate.yaml'), CONFIGURATION);
  const started = spawn('node', ['electron/cli/rungate.js', 'serve', '--config', 'rungate.yaml', '--home', home], {
    cwd: clone,
    env: { ...env, XDG_STATE_HOME: join(place, 'state') },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  core = started;
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    welcome += text;
  });
  while (!welcome.includes('in this folder')) await once(started.stdout, 'data');
  [, agentUrl = ''] = /Agents call {3}(\S+)/.exec(welcome) ?? [];
});

afterAll(async () => {
  const ended = once(core, 'exit');
  core.kill('SIGTERM');
  await ended;
  rmSync(place, { recursive: true, force: true });
});

describe('a command that is pasted', () => {
  let token = '';

  it('from the welcome adds an agent, in the folder that it names', async () => {
    expect(welcome).toContain('(in another terminal, in this folder)');
    const [add = ''] = commandsIn(welcome);
    expect(add).toBe(`npx rungate --home "${home}" agents add NAME`);
    const { code, out, err } = await run(clone, `${pasted(add)} --budget-usd 0.000001`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    [token = ''] = /rg_agt_\S+/.exec(out) ?? [];
  });

  it('from refusals raises the cap and gives a new token, in any folder', async () => {
    const ask = (credential: string): Promise<Response> =>
      fetch(`${agentUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'demo-model', messages: [{ role: 'user', content: 'Say hello' }] }),
      });
    const commands: string[] = [];
    for (const [credential, status] of [
      [token, 402],
      ['rg_agt_none', 401],
    ] as const) {
      const response = await ask(credential);
      expect(response.status).toBe(status);
      const { error } = (await response.json()) as { error: { message: string; context: { recover: string } } };
      expect(error.message.length).toBeLessThanOrEqual(200);
      commands.push(...commandsIn(error.message), ...commandsIn(error.context.recover));
    }
    const program = `node '${join(clone, 'electron', 'cli', 'rungate.js')}' --home "${home}"`;
    expect(commands.length).toBeGreaterThanOrEqual(4);
    for (const command of commands) {
      expect(command.startsWith(`${program} `)).toBe(true);
      // An agent of that name is there by now: the documented refusal of `add`, exit 1.
      const { code, err } = await run(elsewhere, pasted(command));
      expect({ command, code, err }).toMatchObject(
        command.includes(' agents add ')
          ? { code: 1, err: expect.stringContaining('agents rotate pasted') }
          : { code: 0 },
      );
    }
  });

  it('from doctor, help and a failed command is found', async () => {
    const rungate = (line: string): Promise<Finished> => run(clone, `node electron/cli/rungate.js ${line}`);
    const [doctor, help, failed] = await Promise.all([
      rungate(`doctor --home '${elsewhere}'`),
      rungate(''),
      rungate(`run run_x --home "${home}"`),
    ]);
    const serve = commandsIn(doctor.out).find((command) => command.endsWith('serve')) ?? '';
    expect(serve).toBe(`npx rungate --home ${elsewhere} serve`);
    expect(failed.err).toContain(`See: npx rungate --home "${home}" runs\n`);
    const [usage, ...examples] = commandsIn(help.out).filter((line) => !line.includes('help'));
    expect(usage).toBe('npx rungate COMMAND [OPTIONS]');
    // What would stay or wait for a person is only parsed.
    const ends = await Promise.all([
      run(clone, `${serve} --help`),
      ...commandsIn(failed.err).map((line) => run(clone, line)),
      ...examples.map((line) => rungate(`${line.replace('npx rungate ', '')} --help`)),
    ]);
    expect(ends.map(({ code, err }) => ({ code, err }))).toEqual(Array(5).fill({ code: 0, err: '' }));
  });

  it('from the console meets a gate, also the second time, in any folder', async () => {
    const program = `node '${join(clone, 'electron', 'cli', 'rungate.js')}' --home "${home}"`;
    const { text } = trySample(agentUrl, program, 'linux');
    for (let time = 0; time < 2; time += 1) {
      const { code, out } = await run(elsewhere, text);
      expect(code).toBe(0);
      expect(out).toMatch(/^HTTP\/1\.1 202 /);
    }
  });
});
