import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderRunExportSchema, runExport } from '../../proxy-core/audit/export/json-schema.ts';
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type PreparedExport,
} from '../../proxy-core/contract/operations/exports.ts';
import { type ExportVerdict, verifyExport } from '../../proxy-core/signing/verify-export.ts';
import { CANARY, type EventfulRun, HOSTILE, playEventfulRun, REPORT, RUN_ID } from '../harness/eventful-run.ts';
import { TEST_HOST } from '../harness/rungate.ts';
import { otlpTraces } from './otlp-shape.ts';

let run: EventfulRun;
let folder: string;
let key: string;
let exports = 0;

/** Stands for a browser: what it is told to print becomes the "PDF". */
const host = {
  ...TEST_HOST,
  printPdf: async (file: string) => Buffer.concat([Buffer.from('%PDF-1.7\n'), readFileSync(file)]),
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rungate-exports-'));
  run = await playEventfulRun({ host });
  key = (await run.rungate.call('audit.status', {})).key;
});

afterAll(async () => {
  await run.close();
  rmSync(folder, { recursive: true });
});

interface Made {
  readonly prepared: PreparedExport;
  /** Where it lies in the home folder, and a copy under its own name. */
  readonly path: string;
  readonly copy: string;
  readonly text: string;
}

type Wish =
  | { readonly run_id: string; readonly prompts?: boolean }
  | { readonly since: number; readonly until: number };

const made = new Map<string, Promise<Made>>();

/** An export; the same one for the same wish, since nothing of the run changes any more. */
function make(format: ExportFormat, wish: Wish = { run_id: RUN_ID }): Promise<Made> {
  const name = `${format} ${JSON.stringify(wish)}`;
  const known = made.get(name) ?? prepare(format, wish);
  made.set(name, known);
  return known;
}

async function prepare(format: ExportFormat, wish: Wish): Promise<Made> {
  exports += 1;
  const export_id = `exp_${String(exports).padStart(12, '0')}`;
  const prepared = await run.rungate.call('exports.prepare', { export_id, format, ...wish });
  const path = join(run.rungate.home, 'exports', export_id);
  const copy = join(folder, `${exports}-${prepared.file_name}`);
  writeFileSync(copy, readFileSync(path));
  if (format === 'csv' || format === 'pdf') writeFileSync(`${copy}.sig`, readFileSync(`${path}.sig`));
  return { prepared, path, copy, text: readFileSync(path, 'utf8') };
}

/** The same file with some of its text replaced. */
function tampered({ copy, text }: Made, from: string | RegExp, to: string): ExportVerdict {
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  const path = `${copy}.tampered`;
  writeFileSync(path, changed);
  try {
    writeFileSync(`${path}.sig`, readFileSync(`${copy}.sig`));
  } catch {
    // its seal is inside
  }
  return verifyExport(path, key);
}

describe('the run of the demonstration', () => {
  it('was approved once, rejected once, repeated once, and stopped by its budget', async () => {
    const { run: record, steps, gates, artifacts } = await run.rungate.call('runs.show', { run_id: RUN_ID });
    expect(gates.map(({ state }) => state).sort()).toEqual(['approved', 'rejected']);
    expect(steps.filter(({ kind }) => kind === 'retry')).toHaveLength(1);
    expect(run.stoppedWith).toBe(402);
    expect(artifacts.map(({ name }) => name)).toEqual(['refunds.csv']);
    expect(record.state).toBe('completed');
  });
});

describe('an export', () => {
  it.each(EXPORT_FORMATS)('as %s is a private file, sealed by this installation', async (format) => {
    const { path, prepared, copy } = await make(format);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(prepared).toMatchObject({ runs: 1, bytes: statSync(path).size });
    const verdict = verifyExport(copy, key);
    expect(verdict).toMatchObject({ ok: true, signer: 'trusted', run_id: RUN_ID, broken: null });
  });

  it.each(EXPORT_FORMATS)('as %s holds no secret, and counts those it masked', async (format) => {
    const { prepared, text, path } = await make(format);
    const files = format === 'bundle' ? Object.values(unzipSync(readFileSync(path))) : [Buffer.from(text)];
    for (const file of files) expect(Buffer.from(file).includes(CANARY)).toBe(false);
    expect(prepared.masked).toBeGreaterThan(0);
  });

  it.each(EXPORT_FORMATS)('as %s made by another installation is consistent, its signer unknown', async (format) => {
    const { copy } = await make(format);
    const verdict = verifyExport(copy, 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
    expect(verdict).toMatchObject({ ok: false, signer: 'unknown', broken: null });
    expect(verdict.detail).toContain('signer unknown');
  });

  it.each(EXPORT_FORMATS)('as %s refuses a change of any single byte', async (format) => {
    const { copy } = await make(format);
    const bytes = readFileSync(copy);
    const places = Array.from({ length: 60 }, (_, index) => Math.floor((index * (bytes.length - 1)) / 59));
    for (const place of places) {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] ?? 0) ^ 1;
      writeFileSync(`${copy}.flipped`, changed);
      if (format === 'csv' || format === 'pdf') writeFileSync(`${copy}.flipped.sig`, readFileSync(`${copy}.sig`));
      expect(verifyExport(`${copy}.flipped`, key).ok, `byte ${place} of ${bytes.length}`).toBe(false);
    }
  });

  it.each(EXPORT_FORMATS)('as %s refuses bytes that were cut off or added', async (format) => {
    const { copy } = await make(format);
    const bytes = readFileSync(copy);
    for (const changed of [
      bytes.subarray(0, -1),
      bytes.subarray(0, bytes.length >> 1),
      Buffer.concat([bytes, Buffer.from('\n')]),
    ]) {
      writeFileSync(`${copy}.cut`, changed);
      if (format === 'csv' || format === 'pdf') writeFileSync(`${copy}.cut.sig`, readFileSync(`${copy}.sig`));
      expect(verifyExport(`${copy}.cut`, key).ok).toBe(false);
    }
  });
});

describe('a tampered export names what was changed', () => {
  it('a step of a CSV, of OTLP, of JSON and of HTML', async () => {
    expect(tampered(await make('csv'), 'refund:over-$500', 'refund:over-$900').broken?.part).toBe('step 6');
    expect(
      tampered(
        await make('otlp'),
        '"rungate.gate_state","value":{"stringValue":"rejected"',
        '"rungate.gate_state","value":{"stringValue":"approved"',
      ).broken?.part,
    ).toBe('step 10');
    expect(tampered(await make('json'), /"step":13,/, '"step":31,').broken?.part).toBe('step 13');
    expect(
      tampered(await make('html'), 'Handed in the file refunds.csv.', 'Handed in the file refunds.txt.').broken?.part,
    ).toBe('step 14');
  });

  it('a verdict in the report, and the money', async () => {
    const report = await make('html');
    expect(tampered(report, '>Rejected<', '>Approved<').broken?.part).toBe('who approved what');
    expect(tampered(report, '<td class="n">$0.0347</td>', '<td class="n">$0.0147</td>').broken?.part).toBe('money');
  });

  it('an audit record, by its sequence number', async () => {
    const { records } = await run.rungate.call('runs.audit', { run_id: RUN_ID });
    const verdictRecord = records.find(({ kind }) => kind === 'gate.rejected');
    for (const format of ['json', 'html'] as const) {
      const { broken } = tampered(await make(format), '"kind":"gate.rejected"', '"kind":"gate.approved"');
      expect(broken).toMatchObject({ seq: verdictRecord?.seq, part: `audit record ${verdictRecord?.seq}` });
    }
  });

  it('an audit record, even when the list of parts was made to agree', async () => {
    const whole = await make('json');
    const { records } = await run.rungate.call('runs.audit', { run_id: RUN_ID });
    const seq = records.find(({ kind }) => kind === 'gate.rejected')?.seq ?? 0;
    const changed = whole.text.replace('"kind":"gate.rejected"', '"kind":"gate.approved"');
    const line = changed
      .split('\n')
      .find((one) => one.includes('"kind":"gate.approved"') && one.includes(`"seq":${seq},`));
    const { createHash } = await import('node:crypto');
    const sha = createHash('sha256').update(`\n${line}`).digest('hex').slice(0, 16);
    const forged = changed.replace(new RegExp(`(\\["audit record ${seq}",\\d+,")[0-9a-f]{16}`), `$1${sha}`);
    writeFileSync(`${whole.copy}.forged`, forged);
    expect(verifyExport(`${whole.copy}.forged`, key).broken).toMatchObject({ seq });
  });

  it('a file in a bundle, and the record in it', async () => {
    const { copy } = await make('bundle');
    const { zipSync } = await import('fflate');
    const files = unzipSync(readFileSync(copy));
    const name = Object.keys(files).find((one) => one.endsWith('.csv')) ?? '';
    files[name] = Buffer.from(
      Buffer.from(files[name] ?? [])
        .toString()
        .replace('rejected', 'approved'),
    );
    writeFileSync(`${copy}.zipped`, zipSync(files));
    expect(verifyExport(`${copy}.zipped`, key)).toMatchObject({ ok: false, broken: { part: `${name}: step 10` } });
  });

  it('a seal that was taken from another file', async () => {
    const [one, other] = [await make('json'), await make('json', { run_id: RUN_ID, prompts: false })];
    const sealAt = (text: string) => text.lastIndexOf('\n"seal":');
    const path = join(folder, 'swapped');
    writeFileSync(path, one.text.slice(0, sealAt(one.text)) + other.text.slice(sealAt(other.text)));
    expect(verifyExport(path, key).ok).toBe(false);
    const [csv, pdf] = [await make('csv'), await make('pdf')];
    writeFileSync(path, csv.text);
    expect(verifyExport(path, key).detail).toContain('.sig');
    writeFileSync(`${path}.sig`, readFileSync(`${pdf.copy}.sig`));
    expect(verifyExport(path, key).ok).toBe(false);
  });
});

describe('the JSON export', () => {
  it('is what the published schema says, in form and in the file', async () => {
    const { text } = await make('json');
    const parsed = runExport.safeParse(JSON.parse(text));
    expect(parsed.error?.issues ?? []).toEqual([]);
    const published = readFileSync(new URL('../../build/schemas/run-export-1.schema.json', import.meta.url), 'utf8');
    // Renew it with: node build/write-schemas.ts
    expect(JSON.parse(published)).toEqual(JSON.parse(renderRunExportSchema()));
  });

  it('gives back every request byte for byte from its pieces, but for what was masked', async () => {
    const { text } = await make('json');
    const { steps } = runExport.parse(JSON.parse(text));
    const pieces = new Map<string, string[]>();
    let calls = 0;
    for (const { call } of steps) {
      if (call?.request == null) continue;
      const { base, keep_head: head, keep_tail: tail, pieces: own } = call.request;
      const before = base === null ? [] : (pieces.get(base) ?? []);
      const all = [
        ...before.slice(0, head),
        ...own.map((piece) => piece.text ?? ''),
        ...(tail === 0 ? [] : before.slice(-tail)),
      ];
      pieces.set(call.exchange_id, all);
      const { content } = await run.rungate.call('exchanges.body', {
        exchange_id: call.exchange_id,
        side: 'request',
        limit: 1_000_000,
      });
      expect(all.join('')).toBe(content.replaceAll(`api_key=${CANARY}`, 'api_key=[masked]'));
      calls += 1;
    }
    expect(calls).toBe(6);
  });

  it('holds costs that sum to the run’s spend, the artifact and the whole audit of the run', async () => {
    const { text } = await make('json');
    const file = runExport.parse(JSON.parse(text));
    expect(file.steps.reduce((sum, step) => sum + (step.cost_nano ?? 0), 0)).toBe(file.run.spent_nano);
    expect(file.artifacts[0]).toMatchObject({ name: 'refunds.csv', content: { text: REPORT } });
    const { records } = await run.rungate.call('runs.audit', { run_id: RUN_ID, limit: 500 });
    expect(file.audit.map(({ seq }) => seq)).toEqual(records.map(({ seq }) => seq));
  });
});

describe('an export without prompts', () => {
  it.each(['json', 'html', 'csv', 'otlp'] as const)(
    'as %s says nothing that was asked, answered or proposed, and verifies',
    async (format) => {
      const { copy, text } = await make(format, { run_id: RUN_ID, prompts: false });
      for (const said of [
        'Please work through',
        'I will look at',
        'Ada L.',
        'amount_usd":',
        'ord_8812',
        'overloaded_error',
      ])
        expect(text, said).not.toContain(said);
      expect(verifyExport(copy, key)).toMatchObject({ ok: true, broken: null });
    },
  );

  it('keeps the hashes of what was left out, and who decided what', async () => {
    const whole = runExport.parse(JSON.parse((await make('json')).text));
    const bare = runExport.parse(JSON.parse((await make('json', { run_id: RUN_ID, prompts: false })).text));
    const hashes = (file: typeof whole) =>
      file.steps.flatMap(({ call }) => call?.request?.pieces.map(({ sha256 }) => sha256) ?? []);
    expect(hashes(bare)).toEqual(hashes(whole));
    expect(bare.gates.map(({ state, decided_by, reason }) => [state, decided_by, reason])).toEqual(
      whole.gates.map(({ state, decided_by, reason }) => [state, decided_by, reason]),
    );
  });
});

describe('the HTML report', () => {
  it('tells in plain words what happened and who decided', async () => {
    const { text } = await make('html');
    for (const words of [
      'What refund-desk did',
      'It had to ask a person for permission 2 times: 1 approved and 1 rejected.',
      'One call was refused because what was left of the budget did not cover it',
      'The agent repeated 1 request it had already made.',
      'It handed in 1 file: refunds.csv.',
      'Photos checked, order is genuine.',
      'Secrets masked',
      'it guards against accidents only',
    ])
      expect(text).toContain(words);
  });

  it('shows what models and agents wrote as text, and lets nothing load or run but its own two blocks', async () => {
    const { text } = await make('html');
    expect(text).not.toContain(HOSTILE);
    expect(text).toContain('&lt;script&gt;alert(2)&lt;/script&gt;');
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(text)?.[1] ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/,
    );
    expect(text.match(/(?:src|href)="[^#]/g) ?? []).toEqual([]);
  });
});

describe('the OTLP export', () => {
  it('has the shape of OTLP/JSON traces, one trace, every span under the run’s', async () => {
    const { text } = await make('otlp');
    const parsed = otlpTraces.safeParse(JSON.parse(text));
    expect(parsed.error?.issues ?? []).toEqual([]);
    const spans =
      parsed.data?.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)) ?? [];
    const [root, ...others] = spans;
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(others.every(({ parentSpanId }) => parentSpanId === root?.spanId)).toBe(true);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    const named = (name: string) => spans.filter((span) => span.attributes.some(({ key: one }) => one === name));
    expect(named('gen_ai.usage.input_tokens').length).toBeGreaterThanOrEqual(5);
    expect(named('rungate.gate_id')).toHaveLength(2);
    expect(named('gen_ai.tool.name').length).toBeGreaterThanOrEqual(4);
    expect(root?.name).toBe('invoke_agent refund-desk');
  });
});

describe('a time range', () => {
  it('is a zip with one sealed file of each run that began in it', async () => {
    const at = run.rungate.now();
    const { prepared, copy } = await make('json', {
      since: at - 3_600_000,
      until: at + 3_600_000,
    });
    expect(prepared.runs).toBe(1);
    expect(verifyExport(copy, key)).toMatchObject({ ok: true, format: 'runs' });
    const files = unzipSync(readFileSync(copy));
    expect(Object.keys(files)).toEqual([`rungate-${RUN_ID}.json`, 'manifest.json']);
    const inner = join(folder, 'inner.json');
    writeFileSync(inner, files[`rungate-${RUN_ID}.json`] ?? '');
    expect(verifyExport(inner, key).ok).toBe(true);
  });

  it('in which nothing began is an empty, sealed zip', async () => {
    const { prepared, copy } = await make('html', { since: 1, until: 2 });
    expect(prepared.runs).toBe(0);
    expect(verifyExport(copy, key).ok).toBe(true);
  });
});

describe('the export desk', () => {
  const tryPrepare = (input: object) =>
    run.rungate.tryCall('exports.prepare', { export_id: 'exp_deskdeskdesk', format: 'json', ...input } as never);
  const codeOf = async (input: object) => {
    const reply = await tryPrepare(input);
    return reply.ok ? 'ok' : reply.failure.code;
  };

  it('refuses what does not exist, is not said, or is said twice', async () => {
    expect(await codeOf({ run_id: 'nobody' })).toBe('not_found');
    expect(await codeOf({})).toBe('invalid_request');
    expect(await codeOf({ run_id: RUN_ID, since: 1 })).toBe('invalid_request');
    expect(await codeOf({ run_id: RUN_ID })).toBe('ok');
    expect(await codeOf({ run_id: RUN_ID })).toBe('already_exists');
  });

  it('removes a prepared export when it is cancelled, and leaves no file of one that failed', async () => {
    expect(await run.rungate.call('exports.cancel', { export_id: 'exp_deskdeskdesk' })).toEqual({ cancelled: true });
    expect(await run.rungate.call('exports.cancel', { export_id: 'exp_deskdeskdesk' })).toEqual({ cancelled: false });
    expect(await codeOf({ run_id: 'nobody' })).toBe('not_found');
    const left = readdirSync(join(run.rungate.home, 'exports')).filter((name) => name.startsWith('exp_desk'));
    expect(left).toEqual([]);
  });

  it('tells how far it is', async () => {
    await prepare('html', { run_id: RUN_ID });
    const told = run.rungate.events.filter(({ name }) => name === 'export.progress');
    expect(told.at(-1)?.body).toMatchObject({ done: 15, of: 15 });
  });

  it('says that a PDF needs a browser where there is none', async () => {
    const bare = await playEventfulRun();
    const reply = await bare.rungate.tryCall('exports.prepare', {
      export_id: 'exp_nobrowser',
      run_id: RUN_ID,
      format: 'pdf',
    });
    expect(reply).toMatchObject({
      ok: false,
      failure: { code: 'unavailable_here', context: { recover: expect.stringContaining('Chromium') } },
    });
    await bare.close();
  });

  it('removes what an earlier start has left', async () => {
    const { path } = await prepare('json', { run_id: RUN_ID });
    const again = await run.rungate.restart();
    expect(() => statSync(path)).toThrow();
    run = {
      ...run,
      rungate: again,
      close: async () => {
        await again.close();
        await run.upstream.close();
      },
    };
  });
});

it('a zip that says it holds gigabytes is not unpacked to name what was changed in it', async () => {
  const { zipSync } = await import('fflate');
  const zip = Buffer.from(zipSync({ 'rungate-x.json': new Uint8Array(1_000) }));
  // The size of a member without compression, in the central directory (APPNOTE 4.3.12).
  zip.writeUInt32LE(3_000_000_000, zip.indexOf(Buffer.from('PK\u0001\u0002', 'latin1')) + 24);
  const path = join(folder, 'bomb.zip');
  writeFileSync(path, zip);
  expect(verifyExport(path, key)).toMatchObject({ ok: false, broken: { part: 'its seal' } });
});
