import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type UnzipFileInfo, unzipSync } from 'fflate';
import { verifyRunChain } from '../audit/chain.ts';
import { RECORD_END, RECORD_START } from '../audit/export/html.ts';
import { AUDIT_PART } from '../audit/export/piece.ts';
import { parseSeal, renderSeal, SEAL_FRAMES, type Seal, type SealFrame, sealText } from '../audit/seal.ts';
import { type AuditRecord, auditRecord } from '../contract/records.ts';
import { sha256 } from '../store/tables/audit.ts';
import { renderReason } from './broken-record.ts';
import { type ByteSource, chunksOf, memorySource, openFileSource } from './byte-source.ts';
import { publicOf, verifyText } from './signing-key.ts';

/** Checks an exported file, offline: every byte against its seal, the seal's signature, and the audit records inside. */
export interface ExportVerdict {
  /** Nothing is broken, and the trusted key has signed it. */
  readonly ok: boolean;
  readonly format: string;
  readonly run_id: string | null;
  /** Audit records that were checked. */
  readonly records: number;
  /** The first part that was changed; `seq` where that is an audit record. */
  readonly broken: { readonly part: string; readonly seq: number | null; readonly reason: string } | null;
  readonly signer: 'trusted' | 'unknown';
  readonly key: string | null;
  readonly detail: string;
}

type Broken = NonNullable<ExportVerdict['broken']>;

/** What a file was found to be, before anybody is trusted. */
interface Finding {
  readonly format: string;
  readonly seal: Seal | null;
  readonly records: number;
  readonly broken: Broken | null;
}

/** Verify a file. `trustedKey`: a fingerprint, null if none is known here. Throws if it cannot be read. */
export function verifyExport(path: string, trustedKey: string | null): ExportVerdict {
  const source = openFileSource(path);
  try {
    return judge(examine(source, beside(path)), trustedKey);
  } finally {
    source.close();
  }
}

/** The seal that lies beside a file, as text; null without one. */
const beside = (path: string): string | null =>
  existsSync(`${path}.sig`) ? readFileSync(`${path}.sig`, 'utf8') : null;

function judge({ format, seal, records, broken }: Finding, trustedKey: string | null): ExportVerdict {
  const signer = seal !== null && seal.key === trustedKey ? 'trusted' : 'unknown';
  const facts = { format, run_id: seal?.run_id ?? null, records, broken, key: seal?.key ?? null };
  if (broken !== null) {
    const detail = `Not genuine: ${broken.part} ${broken.reason}.`;
    return { ...facts, ok: false, signer: 'unknown', detail };
  }
  const checked = records === 0 ? '' : ` Its ${records.toLocaleString('en-GB')} audit records fit together.`;
  const whole = `Every byte is as it was sealed (${format}, secrets masked: ${seal?.masked ?? 0}).${checked}`;
  if (signer === 'trusted') return { ...facts, ok: true, signer, detail: `${whole} Signed by ${seal?.key}.` };
  const unknown = `Consistent, signer unknown: signed by ${seal?.key}, which is not the key trusted here.`;
  return { ...facts, ok: false, signer, detail: `${whole} ${unknown}` };
}

function examine(source: ByteSource, sealBeside: string | null): Finding {
  const start = Buffer.from(source.read(0, Math.min(64, source.size))).toString('latin1');
  if (start.startsWith('PK\u0003\u0004') || start.startsWith('PK\u0005\u0006')) return examineZip(source);
  if (start.startsWith('<!doctype html>')) return examineFramed(source, 'html');
  if (start.startsWith('{"resourceSpans"')) return examineFramed(source, 'otlp');
  if (start.startsWith('{"schema":"rungate.')) return examineFramed(source, 'json');
  return examineBeside(source, start.startsWith('%PDF') ? 'pdf' : 'csv', sealBeside);
}

const brokenSeal = (reason: string): Broken => ({ part: 'its seal', seq: null, reason });

/** Where a seal stands in a file, and what it says. */
interface Placed {
  readonly seal: Seal;
  /** The seal's own bytes, which it does not cover. */
  readonly start: number;
  readonly end: number;
}

function examineFramed(source: ByteSource, format: keyof typeof SEAL_FRAMES): Finding {
  const placed = findSeal(source, SEAL_FRAMES[format]);
  if (placed === null) {
    const broken = brokenSeal('is missing from its end, or damaged: the file was cut off or changed');
    return { format, seal: null, records: 0, broken };
  }
  const { seal } = placed;
  const contentEnd = placed.start - Buffer.byteLength(SEAL_FRAMES[format].before);
  const changed = changedPart(source, seal, contentEnd);
  const chain = changed === null ? checkRecords(source, seal, format) : { records: 0, broken: null };
  const broken = changed ?? chain.broken ?? changedSeal(seal, format) ?? changedWhole(source, placed);
  return { format, seal, records: chain.records, broken };
}

const FIRST_TAIL = 65_536;

/** The seal at a file's end; null if none is there that is spelled as it must be. */
function findSeal(source: ByteSource, { before, after, encode, decode }: SealFrame): Placed | null {
  const end = source.size - Buffer.byteLength(after);
  if (end < 0 || Buffer.from(source.read(end, source.size - end)).toString('utf8') !== after) return null;
  for (let length = FIRST_TAIL; ; length *= 4) {
    const from = Math.max(0, end - length);
    const tail = Buffer.from(source.read(from, end - from));
    const at = tail.lastIndexOf(before);
    if (at === -1 && from > 0) continue;
    if (at === -1) return null;
    const start = at + Buffer.byteLength(before);
    const encoded = tail.subarray(start).toString('utf8');
    const text = decode(encoded);
    const seal = text === null || encode(text) !== encoded ? null : parseSeal(text);
    return seal === null ? null : { seal, start: from + start, end };
  }
}

/** The first part whose bytes are not those that were sealed; null if all of the content is. */
function changedPart(source: ByteSource, { parts }: Seal, contentEnd: number): Broken | null {
  let at = 0;
  for (const [name, length, expected] of parts) {
    if (at + length > contentEnd) return namePart(name, 'is cut off');
    const hash = createHash('sha256');
    for (const chunk of chunksOf(source, at, at + length)) hash.update(chunk);
    if (hash.digest('hex').slice(0, 16) !== expected) return namePart(name, 'was changed');
    at += length;
  }
  return parts.length > 0 && at !== contentEnd ? namePart(parts.at(-1)?.[0] ?? 'its end', 'was added to') : null;
}

const namePart = (name: string, reason: string): Broken => ({ part: name, seq: seqOf(name), reason });

function seqOf(part: string): number | null {
  const seq = part.startsWith(AUDIT_PART) ? Number(part.slice(AUDIT_PART.length)) : Number.NaN;
  return Number.isSafeInteger(seq) ? seq : null;
}

function changedSeal(seal: Seal, format: string): Broken | null {
  if (seal.format !== format) return brokenSeal(`is that of another file (${seal.format})`);
  if (publicOf(seal.public_key)?.fingerprint !== seal.key) return brokenSeal('names another key than it carries');
  return verifyText(seal.public_key, sealText(seal), seal.signature)
    ? null
    : brokenSeal('has a signature that does not fit');
}

function changedWhole(source: ByteSource, { seal, start, end }: Placed): Broken | null {
  const hash = createHash('sha256');
  for (const chunk of chunksOf(source, 0, start)) hash.update(chunk);
  for (const chunk of chunksOf(source, end, source.size)) hash.update(chunk);
  const bytes = source.size - (end - start);
  const same = hash.digest('hex') === seal.sha256 && bytes === seal.bytes;
  return same ? null : { part: 'the file', seq: null, reason: 'was changed' };
}

function checkRecords(source: ByteSource, { parts }: Seal, format: string): Pick<Finding, 'records' | 'broken'> {
  let records = 0;
  function* read(): Generator<AuditRecord> {
    let at = 0;
    for (const [name, length] of parts) {
      if (name.startsWith(AUDIT_PART)) {
        records += 1;
        yield parseRecord(Buffer.from(source.read(at, length)).toString('utf8'), format);
      }
      at += length;
    }
  }
  try {
    const verdict = verifyRunChain(read(), sha256);
    if (verdict.kind === 'ok') return { records, broken: null };
    const { firstBrokenSeq: seq, reason } = verdict;
    return { records, broken: { part: `${AUDIT_PART}${seq}`, seq, reason: `is broken: ${renderReason(reason)}` } };
  } catch {
    return { records, broken: { part: `the audit record in place ${records}`, seq: null, reason: 'cannot be read' } };
  }
}

/** A record as it stands in its part: in JSON behind a comma, in HTML inside its table row. */
function parseRecord(part: string, format: string): AuditRecord {
  const start = format === 'html' ? part.indexOf(RECORD_START) + RECORD_START.length : part.indexOf('{');
  const end = format === 'html' ? part.indexOf(RECORD_END, start) : part.lastIndexOf('}') + 1;
  return auditRecord.parse(JSON.parse(part.slice(start, end)));
}

function examineBeside(source: ByteSource, format: string, text: string | null): Finding {
  if (text === null) {
    const broken = brokenSeal('is missing: the file’s .sig must lie beside it, under the same name');
    return { format, seal: null, records: 0, broken };
  }
  const seal = text.endsWith('\n') ? parseSeal(text.slice(0, -1)) : null;
  if (seal === null) return { format, seal: null, records: 0, broken: brokenSeal('is damaged') };
  const whole = { seal, start: source.size, end: source.size };
  const broken = changedPart(source, seal, source.size) ?? changedSeal(seal, format) ?? changedWhole(source, whole);
  return { format, seal, records: 0, broken };
}

/** The fixed part of a zip's end record, and the longest comment it can have (APPNOTE 4.3.16). */
const END_RECORD = 22;
const LONGEST_COMMENT = 65_535;

function examineZip(source: ByteSource): Finding {
  const placed = findZipSeal(source);
  const format = placed?.seal.format ?? 'zip';
  if (placed === null) {
    const broken = brokenSeal('is missing from the end of the zip, or damaged: it was cut off or changed');
    return { format, seal: null, records: 0, broken: changedMember(source) ?? broken };
  }
  const changed = changedWhole(source, placed);
  if (changed !== null) return { format, seal: placed.seal, records: 0, broken: changedMember(source) ?? changed };
  return { format, seal: placed.seal, records: 0, broken: changedSeal(placed.seal, format) };
}

function findZipSeal(source: ByteSource): Placed | null {
  const length = Math.min(source.size, END_RECORD + LONGEST_COMMENT);
  const tail = Buffer.from(source.read(source.size - length, length));
  for (let at = tail.length - END_RECORD; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue;
    if (tail.readUInt16LE(at + END_RECORD - 2) !== tail.length - at - END_RECORD) continue;
    const text = tail.subarray(at + END_RECORD).toString('utf8');
    const seal = parseSeal(text);
    if (seal === null || renderSeal(seal) !== text) return null;
    return { seal, start: source.size - length + at + END_RECORD, end: source.size };
  }
  return null;
}

/** Larger zips are not taken apart to name what was changed in them. */
const UNPACKED_AT_MOST = 512 * 1_048_576;

/** The first file in a zip that is not what its manifest, or its own seal, says; null if it cannot be told. */
function changedMember(source: ByteSource): Broken | null {
  if (source.size > UNPACKED_AT_MOST) return null;
  try {
    // Threat: a small zip may hold gigabytes. What it says of its sizes is also all that is made of it.
    let size = 0;
    const filter = ({ originalSize }: UnzipFileInfo): boolean => {
      size += originalSize;
      return size <= UNPACKED_AT_MOST;
    };
    const files = unzipSync(source.read(0, source.size), { filter });
    if (size > UNPACKED_AT_MOST) return null;
    for (const [name, bytes] of Object.entries(files)) {
      const sig = files[`${name}.sig`];
      const sealed = sig !== undefined || /\.(json|html)$/.test(name);
      if (!sealed || name === 'manifest.json') continue;
      const { broken } = examine(memorySource(bytes), sig === undefined ? null : Buffer.from(sig).toString('utf8'));
      if (broken !== null) return { ...broken, part: `${name}: ${broken.part}` };
    }
    return null;
  } catch {
    return { part: 'the zip', seq: null, reason: 'cannot be unpacked' };
  }
}
