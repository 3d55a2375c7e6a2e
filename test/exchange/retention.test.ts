import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runExport } from '../../proxy-core/audit/export/json-schema.ts';
import { parseConfiguration } from '../../proxy-core/config/parse.ts';
import type { Configuration } from '../../proxy-core/config/schema.ts';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import type { ExportFormat } from '../../proxy-core/contract/operations/exports.ts';
import { verifyExport } from '../../proxy-core/signing/verify-export.ts';
import { send } from '../harness/agent-client.ts';
import { messageAnswer } from '../harness/answers.ts';
import { readColdStore } from '../harness/cold-store.ts';
import { type EventfulRun, playEventfulRun, REPORT, RUN_ID } from '../harness/eventful-run.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Retention over a run as people have them: calls, gates, a file, a budget stop. */

const DAY = 86_400_000;

function configurationOf(source: string): Configuration {
  const parsed = parseConfiguration(source, 'rungate.yaml');
  if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
  return parsed.value;
}

describe('when asked', () => {
  let run: EventfulRun;
  let rungate: TestRungate;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rungate-retention-'));
    run = await playEventfulRun();
    ({ rungate } = run);
    rungate.advance(10 * DAY);
  });
  afterAll(async () => {
    await run.close();
    rmSync(folder, { recursive: true });
  });

  it('says how large the store is and what of it may go', async () => {
    const status = await rungate.call('retention.status', {});
    expect(status).toMatchObject({ days: null, max_gb: null, oldest_run_at: expect.any(Number) });
    expect(status.audit_bytes).toBeGreaterThan(4096);
    expect(status.trace_bytes).toBeGreaterThan(REPORT.length);
    expect(status.trace_bytes + status.audit_bytes).toBeLessThan(status.store_bytes);
  });

  it('refuses a purge that names neither an age nor a size', async () => {
    expect(await rungate.tryCall('retention.purge', { dry_run: false })).toMatchObject({
      ok: false,
      failure: { code: 'invalid_request' },
    });
  });

  it('plans without removing', async () => {
    const plan = await rungate.call('retention.purge', { days: 9, dry_run: true });
    expect(plan.runs).toBe(1);
    expect(plan.bytes_after).toBeLessThan(plan.bytes_before);
    const { steps } = await rungate.call('runs.show', { run_id: RUN_ID });
    expect(steps.length).toBeGreaterThan(5);
  });

  it('keeps runs that ended later', async () => {
    expect(await rungate.call('retention.purge', { days: 11, dry_run: false })).toMatchObject({ runs: 0 });
  });

  it('removes the trace and keeps the figures, the gates and the audit; and says so to whoever looks', async () => {
    const before = await rungate.call('runs.show', { run_id: RUN_ID });
    const events = rungate.events.at(-1)?.seq ?? 0;
    const { runs } = await rungate.call('retention.purge', { days: 9, dry_run: false });
    expect(runs).toBe(1);
    const after = await rungate.call('runs.show', { run_id: RUN_ID });
    expect(after).toMatchObject({ steps: [], exchanges: [], artifacts: [], budgets: before.budgets });
    expect(after.gates).toEqual(before.gates);
    const { trace_pruned_at, ...figures } = after.run;
    expect(figures).toEqual({ ...before.run, trace_pruned_at: undefined });
    expect(Math.abs(Number(trace_pruned_at) - rungate.now())).toBeLessThan(60_000);
    await rungate.event('retention.changed');
    const isNews = ({ seq, body }: PublishedEvent): boolean =>
      seq > events && 'run_id' in body && body.run_id === RUN_ID;
    await rungate.event('run.changed', isNews);
    expect(await rungate.call('audit.verify', {})).toMatchObject({
      broken: null,
      detail: expect.stringContaining('consistent'),
    });
    expect(await rungate.call('retention.status', {})).toMatchObject({ oldest_run_at: null });
  });

  const exportAs = async (format: ExportFormat) => {
    const export_id = `exp_pruned${format}00`;
    await rungate.call('exports.cancel', { export_id });
    const prepared = await rungate.call('exports.prepare', { export_id, format, run_id: RUN_ID });
    const path = join(rungate.home, 'exports', export_id);
    const copy = join(folder, prepared.file_name);
    writeFileSync(copy, readFileSync(path));
    if (format === 'csv') writeFileSync(`${copy}.sig`, readFileSync(`${path}.sig`));
    return { copy, text: readFileSync(path, 'utf8') };
  };

  it.each(['json', 'html', 'csv', 'otlp', 'bundle'] as const)('its export as %s still verifies', async (format) => {
    const { copy } = await exportAs(format);
    const { key } = await rungate.call('audit.status', {});
    expect(verifyExport(copy, key)).toMatchObject({ ok: true, run_id: RUN_ID, broken: null });
  });

  it('its exports say that the trace was removed, and when', async () => {
    const document = runExport.parse(JSON.parse((await exportAs('json')).text));
    expect(document).toMatchObject({ run: { trace_pruned_at: expect.any(Number) }, steps: [], artifacts: [] });
    expect(document.gates).toHaveLength(2);
    expect(document.audit.map(({ kind }) => kind)).toContain('run.trace_removed');
    const html = (await exportAs('html')).text;
    const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
    expect(html).toContain(`Trace removed on ${day.format(rungate.now())}`);
  });
});

describe('by configuration', () => {
  it('removes at the start what has become too old, and writes down who: the installation itself', async () => {
    const run = await playEventfulRun();
    await run.rungate.core.close();
    const configuration = configurationOf('retention: { days: 30 }');
    const rungate = await startTestRungate({ home: run.rungate.home, configuration, shift: 31 * DAY });
    await rungate.event('retention.changed');
    expect(await rungate.call('retention.status', {})).toMatchObject({ days: 30, max_gb: null, oldest_run_at: null });
    await rungate.core.close();
    readColdStore(rungate.home, ({ audit, chain }) => {
      expect(chain).toMatchObject({ kind: 'ok' });
      const record = audit.find(({ kind }) => kind === 'retention.purged');
      expect(record).toMatchObject({ actor: 'system', channel: 'retention', fields: { runs: { value: 1 } } });
    });
    await run.close();
  });

  it('leaves everything where it is off, as it is by default', async () => {
    const run = await playEventfulRun();
    await run.rungate.core.close();
    const rungate = await startTestRungate({ home: run.rungate.home, shift: 5_000 * DAY });
    const { run: record, steps } = await rungate.call('runs.show', { run_id: RUN_ID });
    expect(record.trace_pruned_at).toBeNull();
    expect(steps.length).toBeGreaterThan(5);
    await rungate.core.close();
    readColdStore(rungate.home, ({ audit }) =>
      expect(audit.map(({ kind }) => kind)).not.toContain('run.trace_removed'),
    );
    await run.close();
  });
});

describe('a session that its client never ends', () => {
  it('loses its old trace after a day of silence, and goes on as the same run when the client is back', async () => {
    const upstream = await startScriptedUpstream(answerJson(messageAnswer()));
    const rungate = await startTestRungate({ upstreamUrl: upstream.url });
    const token = await rungate.addAgent('coder');
    const say = async (turns: number): Promise<string> => {
      const messages = Array.from({ length: turns }, (_, n) => [
        ...(n === 0 ? [] : [{ role: 'assistant', content: 'done' }]),
        { role: 'user', content: `turn ${n} ${'of a long talk '.repeat(50)}` },
      ]).flat();
      const answer = await send(rungate.url, {
        method: 'POST',
        path: '/v1/messages',
        token,
        headers: { 'x-claude-code-session-id': 'session-1' },
        body: { model: 'claude-opus-4-8', max_tokens: 100, messages },
      });
      expect(answer.status).toBe(200);
      return String(answer.headers['x-rungate-run-id']);
    };
    const runId = await say(1);
    await say(2);
    const before = await rungate.call('runs.show', { run_id: runId });
    expect(before.run).toMatchObject({ state: 'open', ended_at: null });
    rungate.advance(DAY / 2);
    expect(await rungate.call('retention.purge', { max_gb: 0, dry_run: true })).toMatchObject({ runs: 0 });
    rungate.advance(DAY);
    expect(await rungate.call('retention.purge', { days: 1, dry_run: true })).toMatchObject({ runs: 1 });
    expect(await rungate.call('retention.purge', { days: 1, dry_run: false })).toMatchObject({ runs: 1 });
    expect(await rungate.call('runs.show', { run_id: runId })).toMatchObject({ steps: [], run: { state: 'open' } });
    rungate.advance(60_000);
    expect(await say(3)).toBe(runId);
    const after = await rungate.call('runs.show', { run_id: runId });
    expect(after.steps.map(({ step }) => step)).toEqual([before.run.steps + 1]);
    expect(after.run.exchanges).toBe(3);
    expect(after.run.spent_nano).toBe((before.run.spent_nano / 2) * 3);
    expect(await rungate.call('audit.verify', {})).toMatchObject({ broken: null });
    await rungate.close();
    await upstream.close();
  });
});
