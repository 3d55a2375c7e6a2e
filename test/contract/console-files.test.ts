import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestText, sendRaw } from '../harness/raw-socket.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** The built console on the operator port: its own files and nothing else of the disk. */

const FILES: Readonly<Record<string, { readonly type: string; readonly cache: string }>> = {
  'index.html': { type: 'text/html; charset=utf-8', cache: 'no-cache' },
  'icon.svg': { type: 'image/svg+xml', cache: 'no-cache' },
  'assets/main-abc123.js': { type: 'text/javascript; charset=utf-8', cache: 'public, max-age=31536000, immutable' },
  'assets/main-abc123.css': { type: 'text/css; charset=utf-8', cache: 'public, max-age=31536000, immutable' },
  'assets/icons/key-abc123.png': { type: 'image/png', cache: 'public, max-age=31536000, immutable' },
};

let parent: string;
let rungate: TestRungate;
const urlOf = (core: TestRungate): string => core.core.operator?.url ?? '';

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'rungate-console-'));
  const consoleFolder = join(parent, 'renderer');
  mkdirSync(join(consoleFolder, 'assets/icons'), { recursive: true });
  for (const name of Object.keys(FILES)) writeFileSync(join(consoleFolder, name), `content of ${name}`);
  writeFileSync(join(parent, 'secret.html'), 'secret');
  symlinkSync(join(parent, 'secret.html'), join(consoleFolder, 'linked.html'));
  rungate = await startTestRungate({ operatorPort: 0, consoleFolder });
  writeFileSync(join(consoleFolder, 'later.html'), 'secret');
});
afterAll(async () => {
  await rungate.close();
  rmSync(parent, { recursive: true, force: true });
});

describe('the console’s files', () => {
  it.each(Object.entries(FILES))('%s is served with its type', async (name, { type, cache }) => {
    const response = await fetch(`${urlOf(rungate)}/${name}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(`content of ${name}`);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('cache-control')).toBe(cache);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('the page is at the root, whatever query comes with it', async () => {
    for (const path of ['/', '/?x=1']) {
      expect(await (await fetch(`${urlOf(rungate)}${path}`)).text()).toBe('content of index.html');
    }
  });

  it.each([
    '/../secret.html',
    '/..%2fsecret.html',
    '/assets/../../secret.html',
    '/assets/%2e%2e/%2e%2e/secret.html',
    '/assets%2fmain-abc123.js',
    '/..\\secret.html',
    '/%5c..%5csecret.html',
    '//secret.html',
    '/index.html%00.js',
    '/linked.html',
    '/later.html',
    '/assets/',
    '/assets',
    '/ASSETS/main-abc123.js',
    '/secret.html',
    '/.env',
  ])('%s is nothing', async (path) => {
    const host = new URL(urlOf(rungate)).host;
    const answer = await sendRaw(urlOf(rungate), requestText(`GET ${path}`, [`host: ${host}`, 'connection: close']));
    expect([400, 404]).toContain(answer.statuses[0]);
    expect(answer.text).not.toMatch(/content of|secret$/m);
  });

  it('no script, style, frame, form or connection but its own is allowed, and no text becomes markup', async () => {
    const policy = (await fetch(urlOf(rungate))).headers.get('content-security-policy') ?? '';
    const directives = new Map(policy.split('; ').map((one) => [one.split(' ')[0], one.split(' ').slice(1)]));
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:', 'blob:'],
      'font-src': ["'self'"],
      'connect-src': ["'self'"],
      'base-uri': ["'none'"],
      'form-action': ["'none'"],
      'frame-ancestors': ["'none'"],
      'require-trusted-types-for': ["'script'"],
      'trusted-types': ["'none'"],
    });
  });
});

it('a core without a built console says so', async () => {
  const bare = await startTestRungate({ operatorPort: 0 });
  try {
    const response = await fetch(urlOf(bare));
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toContain('not built');
  } finally {
    await bare.close();
  }
});
