import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { createClient } from '../../../proxy-core/contract/client.ts';
import { EXPORT_FORMATS, type PreparedExport } from '../../../proxy-core/contract/operations/exports.ts';
import { parseSince } from '../amounts.ts';
import { BadInput, command, type Outcome, refused } from '../command.ts';
import { connectCore } from '../connection.ts';
import { askProgress, downloadExport } from '../download.ts';
import { isTaken } from '../private-file.ts';
import { quotePath } from '../shell-quote.ts';
import { unpackZip } from '../unpack-zip.ts';

/** An export may take as long as it takes; a core that hangs is noticed by its silence on other calls. */
const PATIENCE_MS = 3_600_000;
const PROGRESS_EVERY_MS = 500;
/** Formats whose seal lies beside them. */
const SEALED_BESIDE: readonly string[] = ['csv', 'pdf'];

/** Runs as files. */
export const exportRuns = command({
  name: 'export',
  operands: ['[RUN]'],
  about: 'Write a run, or all runs of a time, as signed files: for people, programs and auditors.',
  options: {
    format: { type: 'string', value: EXPORT_FORMATS.join('|'), about: 'What to write (html).' },
    out: { type: 'string', value: 'FILE', required: true, about: 'The file; with --since, the folder.' },
    since: { type: 'string', value: 'TIME', about: 'Instead of one run: all that began since 30m, 12h, 7d ago.' },
    'no-prompts': { type: 'boolean', about: 'Leave prompts and answers out; their hashes stay.' },
    paper: { type: 'string', value: 'A4|Letter', about: 'The paper of a PDF (A4).' },
    force: { type: 'boolean', about: 'Replace files that are there.' },
  },
  async run({ operands: [runId], options, home, note, program }) {
    const since = parseSince('--since', options.since, Date.now());
    if ((runId === undefined) === (since === undefined))
      throw new BadInput('`rungate export` needs either a RUN or --since TIME');
    const format = EXPORT_FORMATS.find((one) => one === options.format) ?? 'html';
    const request = {
      export_id: `exp_${randomBytes(12).toString('hex')}`,
      ...(runId === undefined ? { since: since ?? 0 } : { run_id: runId }),
      format,
      prompts: !options['no-prompts'],
      paper: options.paper === 'Letter' ? ('Letter' as const) : ('A4' as const),
    };
    const target = { home, note, program: program.here, out: resolve(options.out), force: options.force };
    if (runId !== undefined && !options.force && (await isTaken(target.out)) && !(await isFolder(target.out)))
      return exists(target.out);
    const client = createClient(connectCore(home, PATIENCE_MS));
    const stop = cancelOnSignal(() => client.call('exports.cancel', { export_id: request.export_id }));
    const watch = watchProgress(home, request.export_id, note);
    try {
      const reply = await client.call('exports.prepare', request).finally(watch);
      if (!reply.ok) return refused(reply.failure);
      const prepared = reply.value;
      if (prepared.runs === 0) return { kind: 'failed', code: 'not_found', message: 'No run began in that time.' };
      const sealed = SEALED_BESIDE.includes(format) && runId !== undefined;
      return runId === undefined ? await takeFolder(prepared, target) : await takeFile(prepared, sealed, target);
    } finally {
      stop();
      // Fetched or not: nothing is left waiting in the core.
      await client.call('exports.cancel', { export_id: request.export_id }).catch(() => undefined);
    }
  },
});

interface Target {
  readonly home: string;
  /** How this program is called. */
  readonly program: string;
  readonly out: string;
  readonly force: boolean;
  note(text: string): void;
}

const exists = (path: string): Outcome => ({
  kind: 'failed',
  code: 'already_exists',
  message: `${path} is there already.`,
  hint: 'Name another file, or replace it with --force.',
});

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );

/** Fetch into a hidden folder beside the target, then move: what has the final name is whole. */
async function inStaging(parent: string, work: (folder: string) => Promise<Outcome>): Promise<Outcome> {
  let staging: string | null = null;
  try {
    staging = await mkdtemp(join(parent, '.rungate-export-'));
    return await work(staging);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    return { kind: 'failed', code: 'not_written', message: `Nothing was written: ${message}.` };
  } finally {
    if (staging !== null) await rm(staging, { recursive: true, force: true });
  }
}

async function takeFile(prepared: PreparedExport, sealed: boolean, target: Target): Promise<Outcome> {
  const file = (await isFolder(target.out)) ? join(target.out, prepared.file_name) : target.out;
  const files = sealed ? [`${file}.sig`, file] : [file];
  for (const one of files) if (!target.force && (await isTaken(one))) return exists(one);
  return inStaging(dirname(file), async (folder) => {
    for (const one of files) {
      const id = one === file ? prepared.export_id : `${prepared.export_id}.sig`;
      const sha256 = await downloadExport(target.home, id, join(folder, basename(one)));
      if (one === file && sha256 !== prepared.sha256) return damaged();
    }
    for (const one of files) await rename(join(folder, basename(one)), one);
    return written(prepared, target, file, files);
  });
}

async function takeFolder(prepared: PreparedExport, target: Target): Promise<Outcome> {
  await mkdir(target.out, { recursive: true });
  return inStaging(target.out, async (folder) => {
    const zip = join(folder, 'runs');
    if ((await downloadExport(target.home, prepared.export_id, zip)) !== prepared.sha256) return damaged();
    const inside = join(folder, 'files');
    await mkdir(inside, { mode: 0o700 });
    const names = unpackZip(zip, inside)
      .map(({ name }) => name)
      .filter((name) => name !== 'manifest.json');
    for (const name of names) {
      const place = join(target.out, name);
      if (!target.force && (await isTaken(place))) return exists(place);
    }
    for (const name of names) await rename(join(inside, name), join(target.out, name));
    return written(
      prepared,
      target,
      target.out,
      names.map((name) => join(target.out, name)),
    );
  });
}

const damaged = (): Outcome => ({
  kind: 'failed',
  code: 'core_silent',
  message: 'The export did not arrive as it was made; nothing was written. Try again.',
});

function written(prepared: PreparedExport, { program }: Target, place: string, files: readonly string[]): Outcome {
  const { bytes, masked, runs, sha256 } = prepared;
  const what = runs === 1 && files.length <= 2 ? place : `${files.length} files of ${runs} runs in ${place}`;
  const checked = files.findLast((file) => !file.endsWith('.sig')) ?? place;
  return {
    kind: 'printed',
    json: { files, bytes, masked, runs, sha256 },
    text: `Wrote ${what} (${renderSize(bytes)}, secrets masked: ${masked}).\nCheck with: ${program} verify ${quotePath(checked, process.platform)}`,
  };
}

const renderSize = (bytes: number): string =>
  bytes < 1024
    ? `${bytes} bytes`
    : bytes < 1_048_576
      ? `${(bytes / 1024).toFixed(1)} KiB`
      : `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** Say now and then how far the core is; returns how to stop. */
function watchProgress(home: string, exportId: string, note: (text: string) => void): () => void {
  let said = -1;
  const look = async (): Promise<void> => {
    const at = await askProgress(home, exportId);
    if (at === null || at.of === 0) return;
    const percent = Math.floor((100 * at.done) / at.of);
    if (percent > said) note(`${percent} % (${at.done} of ${at.of})\n`);
    said = Math.max(said, percent);
  };
  const timer = setInterval(() => void look(), PROGRESS_EVERY_MS);
  return () => clearInterval(timer);
}

/** An interrupted command leaves nothing half-written and nothing running. Returns how to stop listening. */
function cancelOnSignal(cancel: () => Promise<unknown>): () => void {
  const stop = (): void => void cancel().catch(() => undefined);
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}
