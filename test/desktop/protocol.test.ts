import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerConsole, readConsoleFiles, type SchemeRequest } from '../../electron/protocol.ts';
import { CONSOLE_POLICY } from '../../proxy-core/contract/content-policy.ts';

function consoleFolder(): string {
  const root = mkdtempSync(join(tmpdir(), 'rungate-console-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, 'renderer');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(root, 'secret.json'), '"canary"');
  writeFileSync(join(folder, 'index.html'), '<title>Rungate</title>');
  writeFileSync(join(folder, 'assets', 'index-1.js'), 'export {}');
  writeFileSync(join(folder, 'notes.txt'), 'not of the console');
  symlinkSync(join(root, 'secret.json'), join(folder, 'link.json'));
  return folder;
}

const ask = (url: string, over: Partial<SchemeRequest> = {}): Response =>
  answerConsole(readConsoleFiles(consoleFolder()), { method: 'GET', url, ...over });

describe('app://console', () => {
  it('serves the built console under its content policy', async () => {
    const page = ask('app://console/#/gates/gate_1');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toBe(CONSOLE_POLICY);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('Rungate');
    const script = ask('app://console/assets/index-1.js?v=1', { initiatorOrigin: 'app://console' });
    expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
  });

  it('answers HEAD without the content', async () => {
    expect(await ask('app://console/', { method: 'HEAD' }).text()).toBe('');
  });

  it.each([
    'app://console/../secret.json',
    'app://console/assets/../../secret.json',
    'app://console/%2e%2e/secret.json',
    'app://console/..%2fsecret.json',
    'app://console/..%5csecret.json',
    'app://console/assets%2findex-1.js',
    'app://console/index.html%00.js',
    'app://console/index.html\0',
    'app://console//index.html',
    'app://console/link.json',
    'app://console/notes.txt',
    'app://console/assets',
    'app://console/assets/',
    'app://console/etc/passwd',
    'app://other/index.html',
    'app://console:80/index.html',
    'app://user@console/index.html',
    'app:index.html',
    'nonsense',
  ])('B6: refuses %j', async (url) => {
    const answer = ask(url);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('');
  });

  it.each(['https://evil.test', 'null', null, 'app://console.evil', ''])(
    'B6: refuses a page of %j',
    (initiatorOrigin) => {
      expect(ask('app://console/index.html', { initiatorOrigin }).status).toBe(403);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', (method) => {
    expect(ask('app://console/', { method }).status).toBe(405);
  });
});
