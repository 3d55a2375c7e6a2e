import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { prepareSocketFolder, socketPath } from '../../electron/socket-path.ts';

/** The command as users start it. */
export const RUNGATE = fileURLToPath(new URL('../../electron/cli/rungate.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program under test; killed after the test if it still runs. */
export interface Started {
  readonly child: ChildProcess;
  /** Everything written so far. */
  out(): string;
  err(): string;
  /** Resolves when standard output (or error) contains the text. */
  said(text: string): Promise<void>;
  readonly finished: Promise<Finished>;
}

/** Start Node with these arguments and an environment of its own; `input` is what it finds on standard input. */
export const start = (argv: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Started =>
  startProgram(process.execPath, argv, env, input);

/** As `start`, for any program: a shell that sets limits first, say. */
export function startProgram(
  program: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Started {
  const child = spawn(program, argv, {
    // A core that is started here anchors its audit there, not among the user's own files.
    env: { PATH: process.env['PATH'] ?? '', XDG_STATE_HOME: join(tmpdir(), 'rungate-test-state'), ...env },
    stdio: 'pipe',
  });
  // A command that reads nothing may have ended before it is written to.
  child.stdin.on('error', () => undefined).end(input);
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const finished = once(child, 'close').then((ended): Finished => {
    const [code, signal] = ended as [number | null, NodeJS.Signals | null];
    return { code, signal, out, err };
  });
  const said = async (text: string): Promise<void> => {
    while (!out.includes(text) && !err.includes(text)) {
      const ended = await Promise.race([finished, once(child.stdout, 'data'), once(child.stderr, 'data')]);
      if ('code' in ended) throw new Error(`ended without saying ${text}: ${out}${err}`);
    }
  };
  return { child, out: () => out, err: () => err, said, finished };
}

/** Run `rungate` to its end. */
export const rungate = (
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Finished> => start([RUNGATE, ...argv], env, input).finished;

/** A call as a core received it. */
export interface ReceivedCall {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly input: unknown;
}

type Answer = (name: string, input: never) => unknown;

/** A server on a home's command socket that speaks the core's replies and remembers what it was asked. */
export async function startCore(
  home: string,
  answer: Answer,
): Promise<{ readonly calls: ReceivedCall[]; readonly server: Server }> {
  const calls: ReceivedCall[] = [];
  const server = createServer((request, response) => {
    json(request).then(
      (input) => {
        calls.push({ method: request.method, path: request.url, type: request.headers['content-type'], input });
        const reply = answer((request.url ?? '').slice('/api/'.length), input as never);
        response.setHeader('content-type', 'application/json');
        response.end(typeof reply === 'string' ? reply : JSON.stringify(reply));
      },
      () => response.destroy(),
    );
  });
  const path = socketPath(home);
  prepareSocketFolder(path);
  server.listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { calls, server };
}
