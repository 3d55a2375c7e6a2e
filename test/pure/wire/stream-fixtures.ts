import { readdirSync, readFileSync } from 'node:fs';
import type { ResponseReport, StreamReader } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';

const FOLDER = new URL('../../fixtures/streams/', import.meta.url);

/** A recorded stream in a provider's documented event sequence, and what must be read from it. */
export interface StreamFixture {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly report: ResponseReport;
  readonly reader: () => StreamReader;
}

/** Every fixture `FORMAT.NAME.sse` with its `FORMAT.NAME.report.json`. */
export const STREAMS: readonly StreamFixture[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.sse'))
  .map((file) => {
    const name = file.slice(0, -'.sse'.length);
    const format = FORMATS[name.split('.')[0] as keyof typeof FORMATS];
    return {
      name,
      bytes: new Uint8Array(readFileSync(new URL(file, FOLDER))),
      report: JSON.parse(readFileSync(new URL(`${name}.report.json`, FOLDER), 'utf8')) as ResponseReport,
      reader: () => format.streamReader(),
    };
  });

/** One fixture's bytes. */
export function streamBytes(name: string): Uint8Array {
  const found = STREAMS.find((stream) => stream.name === name);
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return found.bytes;
}

/** What a reader reports after these chunks. */
export function reportOf(reader: StreamReader, chunks: readonly Uint8Array[]): ResponseReport {
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return reader.report;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** One SSE event of this JSON value. */
export const sse = (value: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
