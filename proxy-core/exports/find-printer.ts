import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Prints a self-contained page to PDF bytes; rejects if that fails. */
export type PrintPdf = (htmlFile: string, paper: 'A4' | 'Letter') => Promise<Uint8Array>;

/** Browsers that print without a window, as they are called on the PATH. */
const BROWSERS = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'msedge',
  'microsoft-edge',
];
/** Where browsers are that put nothing on the PATH. */
const PLACES: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
};
const PATIENCE_MS = 180_000;

type Env = Readonly<Record<string, string | undefined>>;

/** A local browser that can print, found by name; null without one. */
export async function findBrowser(env: Env, platform: NodeJS.Platform = process.platform): Promise<string | null> {
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const ending = platform === 'win32' ? '.exe' : '';
  const named = BROWSERS.flatMap((name) => folders.map((folder) => join(folder, `${name}${ending}`)));
  for (const path of [...named, ...(PLACES[platform] ?? [])]) if (await runs(path)) return path;
  return null;
}

const runs = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Print through a local browser: without its network, extensions or profile, from a profile of its own that is gone
 * afterwards. The paper is the page's own (`@page`), which every browser follows.
 */
export const printWith =
  (browser: string): PrintPdf =>
  async (htmlFile) => {
    const folder = await mkdtemp(join(tmpdir(), 'rungate-print-'));
    const pdf = join(folder, 'report.pdf');
    try {
      await runBrowser(browser, [
        '--headless',
        '--disable-gpu',
        '--disable-extensions',
        '--disable-background-networking',
        '--disable-component-update',
        '--no-first-run',
        '--no-default-browser-check',
        '--no-pings',
        // No name resolves and no address is reached: the page loads nothing, and nothing it holds could.
        '--host-resolver-rules=MAP * ~NOTFOUND',
        '--proxy-server=http://127.0.0.1:9',
        // A browser refuses its own sandbox as root; the page has no scripts but its own, and loads nothing.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        `--user-data-dir=${join(folder, 'profile')}`,
        '--no-pdf-header-footer',
        `--print-to-pdf=${pdf}`,
        pathToFileURL(htmlFile).href,
      ]);
      return await readFile(pdf);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  };

function runBrowser(browser: string, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(browser, argv, { stdio: 'ignore', timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${browser} ended with ${signal ?? code}`)),
    );
  });
}
