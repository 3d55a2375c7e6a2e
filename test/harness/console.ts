import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import { headlessProgram } from './built-app.ts';
import { type ConsoleTarget, callFrom, unwrapReply } from './console-target.ts';

export interface HeadlessOptions {
  /** The configuration file's content. */
  readonly configuration?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** An existing installation; a new one without it. */
  readonly home?: string;
}

/** The line that `rungate serve --json` announces itself with. */
interface Announced {
  readonly agent_url: string;
  readonly console_url: string;
  readonly launch_url: string;
  readonly pid: number;
}

/** A headless core in a process of its own, as its users run it. */
export interface HeadlessCore extends Announced {
  readonly home: string;
  output(): string;
  /** Stop it as a supervisor would; resolves with its exit code. */
  stop(): Promise<number | string>;
  /** Stop it and remove its installation. */
  close(): Promise<void>;
}

/** Start the built `rungate serve` on free ports. */
export async function startHeadlessCore(options: HeadlessOptions = {}): Promise<HeadlessCore> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'rungate-console-'));
  const config =
    options.configuration === undefined ? [] : ['--config', writeConfiguration(home, options.configuration)];
  const child = spawn(
    process.execPath,
    [headlessProgram(), 'serve', '--json', '--port', '0', '--console-port', '0', '--home', home, ...config],
    { env: { PATH: process.env['PATH'] ?? '', HOME: home, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const written: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => written.push(chunk));
  const output = (): string => Buffer.concat(written).toString();
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | string);
  const line = await Promise.race([firstLine(child.stdout), ended.then(() => null)]);
  if (line === null) throw new Error(`the headless core ended (${await ended}) before it served\n${output()}`);
  const stop = (): Promise<number | string> => {
    child.kill('SIGTERM');
    return ended;
  };
  return {
    ...(JSON.parse(line) as Announced),
    home,
    output,
    stop,
    async close() {
      child.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Open a headless core's console in a browser, signed in by its launch URL. */
export async function openHeadlessConsole(browser: Browser, options: HeadlessOptions = {}): Promise<ConsoleTarget> {
  const core = await startHeadlessCore(options);
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 } });
  const page = await context.newPage();
  // The page redeems the launch code itself; until then its calls are refused.
  const signedIn = page.waitForResponse((answer) => answer.url().endsWith('/api/core.snapshot') && answer.ok());
  await page.goto(core.launch_url);
  await signedIn;
  return {
    kind: 'headless',
    page,
    agentUrl: core.agent_url,
    home: core.home,
    driver: null,
    tryCall: (name, input) => callFrom(page, name, input),
    call: async (name, input) => unwrapReply(name, await callFrom(page, name, input)),
    reload: async () => void (await page.reload()),
    output: core.output,
    async close() {
      await context.close();
      await core.close();
    },
  };
}

function writeConfiguration(home: string, configuration: object): string {
  const file = join(home, 'rungate.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  return file;
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}
