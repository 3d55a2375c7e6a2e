import { renderCsv } from '../audit/export/csv.ts';
import { renderHtml } from '../audit/export/html.ts';
import { renderJson } from '../audit/export/json.ts';
import { renderOtlp } from '../audit/export/otlp.ts';
import { type RedactedSource, redactSource } from '../audit/export/redact.ts';
import type { ExportFacts } from '../audit/export/source.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Readable } from '../store/handle.ts';
import { sha256 } from '../store/tables/audit.ts';
import { type ContentDepth, readRun } from './read-run.ts';
import { type SealingJob, type WrittenFile, writeSealedBeside, writeSealedInside } from './sealed-file.ts';

/** The formats of one run that are written from the store alone. */
export type RunFormat = 'json' | 'html' | 'csv' | 'otlp';

/** Their file endings, types, how much of what was said they take, and whether their seal lies beside them. */
export const RUN_FORMATS = {
  json: { ending: '.json', contentType: 'application/json', depth: 'exact', sealBeside: false },
  html: { ending: '.html', contentType: 'text/html; charset=utf-8', depth: 'read', sealBeside: false },
  csv: { ending: '.csv', contentType: 'text/csv; charset=utf-8', depth: 'none', sealBeside: true },
  otlp: { ending: '.otlp.json', contentType: 'application/json', depth: 'read', sealBeside: false },
} as const satisfies Record<
  RunFormat,
  {
    readonly ending: string;
    readonly contentType: string;
    readonly depth: ContentDepth;
    readonly sealBeside: boolean;
  }
>;

/** What all files of an export share. */
export interface RunFilePorts {
  readonly db: Readable;
  readonly about: ExportFacts;
  readonly redactor: Redactor;
  readonly sealing: Pick<SealingJob, 'facts' | 'sign' | 'check'>;
  readonly onStep: (done: number) => void;
}

/** A run's source, redacted for a format; null if there is no such run. */
function openSource(ports: RunFilePorts, runId: string, depth: ContentDepth): RedactedSource | null {
  const { db, about, redactor, onStep } = ports;
  const source = readRun(db, runId, { depth, about, onStep });
  return source === null ? null : redactSource(source, redactor, sha256);
}

/** Write a run in a format. Null if there is no such run. */
export function writeRunFile(ports: RunFilePorts, runId: string, format: RunFormat, path: string): WrittenFile | null {
  const source = openSource(ports, runId, RUN_FORMATS[format].depth);
  if (source === null) return null;
  const job = { ...ports.sealing, runId, masked: () => source.masked };
  switch (format) {
    case 'json':
      return writeSealedInside(path, 'json', renderJson(source), job);
    case 'html':
      return writeSealedInside(path, 'html', renderHtml(source, sha256, { print: null }), job);
    case 'otlp':
      return writeSealedInside(path, 'otlp', renderOtlp(source, sha256), job);
    case 'csv':
      return writeSealedBeside(path, 'csv', renderCsv(source), job);
  }
}

/** Write the page that a PDF is printed from. Null if there is no such run. */
export function writePrintPage(
  ports: RunFilePorts,
  runId: string,
  path: string,
  paper: 'A4' | 'Letter',
): WrittenFile | null {
  const source = openSource(ports, runId, 'read');
  if (source === null) return null;
  const job = { ...ports.sealing, runId, masked: () => source.masked };
  return writeSealedInside(path, 'html', renderHtml(source, sha256, { print: paper }), job);
}
