import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unpackZip } from '../../electron/cli/unpack-zip.ts';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Agents choose the ids of their runs; an export of all runs must hold every one of them. */

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rungate-names-'));
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

it('no run takes the place of another in a zip, whatever agents call them', async () => {
  const token = await rungate.addAgent('namer');
  const ids = ['a:b', 'a_b', 'a_b-2', 'A_B', 'a_b-3', '..', 'con', '.'];
  for (const run_id of ids)
    expect((await send(rungate.url, { token, method: 'POST', path: '/v1/runs', body: { run_id } })).status).toBe(201);
  const prepared = await rungate.call('exports.prepare', { export_id: 'exp_names0001', since: 0, format: 'json' });
  expect(prepared.runs).toBe(ids.length);
  const zip = join(rungate.home, 'exports', 'exp_names0001');
  const inside = Object.entries(unzipSync(readFileSync(zip))).filter(([name]) => name !== 'manifest.json');
  const told = inside.map(([, bytes]) => JSON.parse(Buffer.from(bytes).toString('utf8')).run.run_id as string);
  expect(told.sort()).toEqual([...ids].sort());
  // And on a disk that does not tell letter case apart.
  expect(new Set(inside.map(([name]) => name.toLowerCase())).size).toBe(ids.length);
  unpackZip(zip, folder);
  expect(readdirSync(folder)).toHaveLength(ids.length + 1);
});
