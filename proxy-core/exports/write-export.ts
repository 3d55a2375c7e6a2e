import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { sealText } from '../audit/seal.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { signText } from '../signing/signing-key.ts';
import type { Readable } from '../store/handle.ts';
import { findAuditHead, findInstallation } from '../store/tables/audit-heads.ts';
import { listRunIds } from '../store/tables/export-reads.ts';
import { findRun } from '../store/tables/runs.ts';
import type { ExportFault, ExportJob, FromExport } from './export-job.ts';
import { RUN_FORMATS, type RunFilePorts, type RunFormat, writePrintPage, writeRunFile } from './run-files.ts';
import { type SealingJob, statementOf, type WrittenFile, writeSignatureFile } from './sealed-file.ts';
import { writeZip, type ZipMember, ZipTooLarge } from './zip-file.ts';

/** An export ends here, for a reason that is told. */
export class ExportFailed extends Error {
  readonly reason: ExportFault;
  constructor(reason: ExportFault, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What writing an export asks of the thread it runs on. */
export interface ExportHost {
  /** Throws ExportFailed to stop. */
  check(): void;
  progress(done: number, of: number): void;
  /** Begin and end a state of the store that stays the same while it is read. */
  snapshot<T>(read: () => T): T;
  /** Print a page; throws ExportFailed if that cannot be done. */
  print(html: string, pdf: string): void;
}

type Done = Extract<FromExport, { kind: 'done' }>;

/** Write an export. Throws ExportFailed; what it has begun to write is the caller's to remove. */
export function writeExport(db: Readable, job: ExportJob, host: ExportHost): Done {
  try {
    return job.of.kind === 'run' ? exportRun(db, job, job.of.runId, host) : exportRange(db, job, job.of, host);
  } catch (error) {
    throw error instanceof ZipTooLarge ? new ExportFailed('too_large', error.message) : error;
  }
}

function portsOf(db: Readable, job: ExportJob, host: ExportHost, onStep: (done: number) => void): RunFilePorts {
  const installation = findInstallation(db) ?? 'unknown';
  const { key, exportedAt, prompts, timeZone, version } = job;
  const created = createRedactor(job.patterns);
  if (created.kind === 'fault')
    throw new ExportFailed('broken', `the redaction pattern ${created.pattern} cannot be used: ${created.message}`);
  return {
    db,
    about: { version, exportedAt, installation, key: key.fingerprint, prompts, timeZone },
    redactor: created.redactor,
    onStep,
    sealing: {
      check: host.check,
      facts: {
        exported_at: exportedAt,
        installation,
        key: key.fingerprint,
        public_key: key.raw,
        head: findAuditHead(db),
      },
      sign: (statement) => ({ ...statement, signature: signText(key.privateKey, sealText(statement)) }),
    },
  };
}

/** Formats of which a bundle consists, beside the PDF. */
const BUNDLED: readonly RunFormat[] = ['html', 'json', 'csv', 'otlp'];

function exportRun(db: Readable, job: ExportJob, runId: string, host: ExportHost): Done {
  return host.snapshot(() => {
    const run = findRun(db, runId);
    if (run === null) throw new ExportFailed('not_found', `There is no run ${runId}.`);
    const passes = job.format === 'bundle' ? BUNDLED.length + (job.prints ? 1 : 0) : 1;
    let pass = 0;
    const onStep = (done: number): void => host.progress(pass * run.steps + done, passes * run.steps);
    const ports = portsOf(db, job, host, onStep);
    const name = fileNameOf(runId);
    if (job.format !== 'bundle')
      return { runs: 1, ...writeOne(ports, job, runId, job.path, host), fileName: `${name}${endingOf(job.format)}` };
    const members: ZipMember[] = [];
    let masked = 0;
    const formats = job.prints ? [...BUNDLED, 'pdf' as const] : BUNDLED;
    for (const format of formats) {
      const file = `${job.path}.${format}`;
      const written = writeOne(ports, { ...job, format }, runId, file, host);
      pass += 1;
      masked = Math.max(masked, written.masked);
      members.push(...membersOf(file, `${name}${endingOf(format)}`, written));
    }
    const written = writeZip(job.path, 'bundle', members, { ...ports.sealing, runId, masked: () => masked });
    removeAll(members);
    return { ...doneOf(written, 1), fileName: `${name}.zip`, contentType: 'application/zip', sealBeside: false };
  });
}

function exportRange(
  db: Readable,
  job: ExportJob,
  { since, until }: Extract<ExportJob['of'], { kind: 'range' }>,
  host: ExportHost,
): Done {
  const runIds = listRunIds(db, since, until);
  let masked = 0;
  const ports = portsOf(db, job, host, () => host.check());
  const used = new Map<string, number>();
  function* members(): Generator<ZipMember> {
    for (const [index, runId] of runIds.entries()) {
      host.progress(index, runIds.length);
      const name = unusedName(fileNameOf(runId), used);
      const part = `${job.path}.part`;
      const inner = job.format === 'bundle' ? { ...job, path: part, of: { kind: 'run', runId } as const } : null;
      const written =
        inner === null
          ? host.snapshot(() => writeOne(ports, job, runId, part, host))
          : exportRun(db, inner, runId, { ...host, progress: () => host.check() });
      masked += written.masked;
      const files = membersOf(part, `${name}${endingOf(job.format)}`, written);
      yield* files;
      removeAll(files);
    }
  }
  const written = writeZip(job.path, 'runs', members(), { ...ports.sealing, runId: null, masked: () => masked });
  host.progress(runIds.length, runIds.length);
  const days = [since, until].map((at) => dayOf(Math.max(0, Math.min(at, job.exportedAt))));
  const fileName = `rungate-runs-${days.join('-to-')}-${job.format}.zip`;
  return { ...doneOf(written, runIds.length), fileName, contentType: 'application/zip', sealBeside: false };
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

type OneFile = Omit<Done, 'fileName' | 'runs'>;

/** One file of one run, in any format but a bundle; a seal that lies beside it is `path`.sig. */
function writeOne(ports: RunFilePorts, job: ExportJob, runId: string, path: string, host: ExportHost): OneFile {
  if (job.format === 'pdf') return writePdf(ports, job, runId, path, host);
  const format = job.format as RunFormat;
  const written = writeRunFile(ports, runId, format, path);
  if (written === null) throw new ExportFailed('not_found', `There is no run ${runId}.`);
  const { contentType, sealBeside } = RUN_FORMATS[format];
  return { kind: 'done', ...written, contentType, sealBeside };
}

function writePdf(ports: RunFilePorts, { paper }: ExportJob, runId: string, path: string, host: ExportHost): OneFile {
  const page = `${path}.page.html`;
  const printed = writePrintPage(ports, runId, page, paper);
  if (printed === null) throw new ExportFailed('not_found', `There is no run ${runId}.`);
  host.print(page, path);
  rmSync(page, { force: true });
  const written = { ...measure(path), masked: printed.masked };
  const job: Pick<SealingJob, 'facts' | 'runId' | 'masked'> = {
    facts: ports.sealing.facts,
    runId,
    masked: () => printed.masked,
  };
  writeSignatureFile(path, ports.sealing.sign(statementOf('pdf', job, { ...written, parts: [] })));
  return { kind: 'done', ...written, contentType: 'application/pdf', sealBeside: true };
}

const CHUNK = 1_048_576;

/** Size and SHA-256 of a file that another program has written. */
function measure(path: string): { readonly bytes: number; readonly sha256: string } {
  const descriptor = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(CHUNK);
    let bytes = 0;
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) {
      hash.update(buffer.subarray(0, read));
      bytes += read;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(descriptor);
  }
}

function membersOf(file: string, name: string, written: OneFile | Done): ZipMember[] {
  const packed = /\.(zip|pdf)$/.test(name);
  const main = { name, file, bytes: written.bytes, sha256: written.sha256, packed };
  if (!written.sealBeside) return [main];
  return [main, { name: `${name}.sig`, file: `${file}.sig`, ...measure(`${file}.sig`) }];
}

function removeAll(members: readonly ZipMember[]): void {
  for (const { file } of members) rmSync(file, { force: true });
}

const doneOf = ({ bytes, sha256, masked }: WrittenFile, runs: number) =>
  ({ kind: 'done', bytes, sha256, masked, runs }) as const;

const endingOf = (format: ExportJob['format']): string =>
  format === 'bundle' ? '.zip' : format === 'pdf' ? '.pdf' : RUN_FORMATS[format].ending;

/** What a run's files are called. Run ids may hold characters that file systems refuse. */
const fileNameOf = (runId: string): string => basename(`rungate-${runId.replace(/[^A-Za-z0-9._-]/g, '_')}`);

/**
 * Two ids may become one name, also where letter case does not count. Threat: agents choose ids, so one may be chosen to
 * be what another would be renamed to; of two files of one name a zip's reader takes one. `used` counts how often a name
 * was asked for.
 */
function unusedName(name: string, used: Map<string, number>): string {
  const key = name.toLowerCase();
  let times = used.get(key) ?? 0;
  let chosen = name;
  for (; used.has(chosen.toLowerCase()); times += 1) chosen = `${name}-${times + 1}`;
  used.set(key, Math.max(times, 1));
  used.set(chosen.toLowerCase(), used.get(chosen.toLowerCase()) ?? 1);
  return chosen;
}
