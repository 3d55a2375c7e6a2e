import { copyFile, readFile } from 'node:fs/promises';
import { BrowserWindow, dialog, session } from 'electron';
import type { HostRecord } from '../proxy-core/contract/host.ts';
import type { HostPort } from '../proxy-core/ports.ts';
import { CONSOLE_SCHEME } from './console-origin.ts';
import { hardenContents, hardenSession } from './hardening.ts';

/** What the desktop app lends the core beside time and keys. */
export const createHostPort = (describe: () => HostRecord): HostPort => ({ describe, saveFile, printPdf });

async function saveFile(from: string, suggestedName: string): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog({ defaultPath: suggestedName });
  if (canceled || filePath === '') return null;
  await copyFile(from, filePath);
  return filePath;
}

const REPORT_URL = `${CONSOLE_SCHEME}://report/`;
/** A report is text and its own style sheet. */
const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
let printed = 0;

/** In a window that nobody sees, without scripts, storage or a network, and of a session of its own. */
async function printPdf(htmlFile: string, paper: 'A4' | 'Letter'): Promise<Uint8Array> {
  const html = await readFile(htmlFile);
  printed += 1;
  const apart = session.fromPartition(`report-${printed}`);
  hardenSession(apart);
  apart.protocol.handle(CONSOLE_SCHEME, ({ url }) =>
    url === REPORT_URL
      ? new Response(html, {
          headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': REPORT_POLICY },
        })
      : new Response(null, { status: 404 }),
  );
  const window = new BrowserWindow({
    show: false,
    webPreferences: {
      session: apart,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      javascript: false,
    },
  });
  hardenContents(window.webContents);
  try {
    await window.loadURL(REPORT_URL);
    return await window.webContents.printToPDF({ pageSize: paper, printBackground: true });
  } finally {
    window.destroy();
    apart.protocol.unhandle(CONSOLE_SCHEME);
  }
}
