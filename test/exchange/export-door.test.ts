import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { type BrowserSession, launchCode, openSession } from '../harness/browser-session.ts';
import { type EventfulRun, playEventfulRun, RUN_ID } from '../harness/eventful-run.ts';

let run: EventfulRun;
let url: string;
let session: BrowserSession;

beforeAll(async () => {
  run = await playEventfulRun({ operatorPort: 0 });
  const operator = run.rungate.core.operator;
  url = operator?.url ?? '';
  session = openSession(url);
  expect(await createHttpTransport(session).redeem(launchCode(operator?.launchUrl() ?? ''))).toMatchObject({
    ok: true,
  });
});

afterAll(() => run.close());

const prepare = (export_id: string, format: 'html' | 'csv') =>
  run.rungate.call('exports.prepare', { export_id, run_id: RUN_ID, format });
const get = (path: string) => session.ask({ method: 'GET', path });

describe('the download door', () => {
  it('hands an export to the operator only, as a download that can never become a page of the console', async () => {
    const prepared = await prepare('exp_doordoor1', 'html');
    expect((await fetch(`${url}/api/exports/exp_doordoor1`)).status).toBe(401);
    const answer = await get('/api/exports/exp_doordoor1');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${prepared.file_name}"`);
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await answer.bytes()).length).toBe(prepared.bytes);
  });

  it('hands it out once', async () => {
    await prepare('exp_doordoor2', 'html');
    await (await get('/api/exports/exp_doordoor2')).bytes();
    await expect.poll(async () => (await get('/api/exports/exp_doordoor2')).status).toBe(404);
  });

  it('hands out the seal that lies beside a CSV, before the file', async () => {
    await prepare('exp_doordoor3', 'csv');
    const sig = await get('/api/exports/exp_doordoor3.sig');
    expect(JSON.parse(await sig.text())).toMatchObject({ format: 'csv', run_id: RUN_ID });
    expect((await get('/api/exports/exp_doordoor3')).headers.get('content-type')).toBe('text/csv; charset=utf-8');
  });

  it('knows no other paths, whatever an id is made of', async () => {
    for (const id of ['nothing', '..%2frungate.db', '..%2f..%2fetc%2fpasswd', 'exp_doordoor1.sig'])
      expect((await get(`/api/exports/${id}`)).status, id).toBe(404);
  });

  it('keeps sixteen that nobody fetches; the oldest makes room', async () => {
    const ids = Array.from({ length: 18 }, (_, number) => `exp_unfetched${number}`);
    for (const id of ids) await prepare(id, 'csv');
    const kept: string[] = [];
    for (const id of ids) if ((await get(`/api/exports/${id}.sig`)).status === 200) kept.push(id);
    expect(kept).toEqual(ids.slice(-16));
    expect(readdirSync(join(run.rungate.home, 'exports'))).toHaveLength(2 * 16);
  });
});
