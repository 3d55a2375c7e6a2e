import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { findBrowser } from '../../proxy-core/exports/find-printer.ts';
import { headlessProgram } from '../harness/built-app.ts';
import { expect, test } from './fixtures.ts';

const run = promisify(execFile);
const printer = await findBrowser(process.env);

/** What `rungate verify FILE` says, with its exit code. */
async function verify(home: string, file: string): Promise<{ readonly code: number; readonly said: string }> {
  try {
    const { stdout } = await run(process.execPath, [headlessProgram(), 'verify', file, '--home', home]);
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as {
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    };
    return { code, said: `${stdout}${stderr}` };
  }
}

/** Save what a click makes the browser download, with the seal beside it where there is one. */
async function saveAll(page: Page, folder: string, files: number): Promise<readonly string[]> {
  const saved: string[] = [];
  const all = new Promise<void>((resolve) => {
    page.on('download', (download) => {
      const path = join(folder, download.suggestedFilename());
      void download.saveAs(path).then(() => {
        saved.push(path);
        if (saved.length === files) resolve();
      });
    });
  });
  await page.getByTestId('exports.save').click();
  await all;
  return saved;
}

for (const format of ['json', 'html', 'pdf', 'csv', 'otlp', 'bundle'] as const) {
  test(`a run leaves by mouse as ${format}, verifies, and a changed copy does not`, async ({
    page,
    target,
    openGate,
  }) => {
    test.skip(target.kind === 'desktop', 'the host’s dialog saves there');
    test.skip(format === 'pdf' && printer === null, 'no browser on the PATH prints here');
    const opened = await openGate({ runId: 'leaving' });
    await target.call('gates.approve', { gate_id: opened.gate.gate_id, reason: 'looked at' });
    await opened.expectResumed();
    await page.evaluate(() => {
      location.hash = '#/runs/leaving';
    });
    await page.getByTestId('run.export').click();
    await page.getByTestId(`run.export-${format}`).click();
    await expect(page.getByTestId('exports.facts')).toBeVisible();
    const folder = mkdtempSync(join(tmpdir(), 'rungate-spec-export-'));
    const beside = format === 'csv' || format === 'pdf';
    const saved = await saveAll(page, folder, beside ? 2 : 1);
    const file = saved.find((path) => !path.endsWith('.sig')) ?? '';
    expect(existsSync(file)).toBe(true);
    expect(await verify(target.home, file)).toMatchObject({ code: 0 });
    const bytes = readFileSync(file);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(await verify(target.home, file)).toMatchObject({ code: 1 });
  });
}
