import type { Piece } from '../audit/export/piece.ts';
import { renderSeal, SEAL_FRAMES, type Seal, type SealPart, type SealStatement } from '../audit/seal.ts';
import { createSink, writePieces } from './digest-sink.ts';

/** What a seal says besides the file's own bytes. */
export type SealFacts = Omit<SealStatement, 'v' | 'format' | 'run_id' | 'masked' | 'bytes' | 'sha256' | 'parts'>;

/** Signs a statement. */
export type SignSeal = (statement: SealStatement) => Seal;

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly masked: number;
}

export interface SealingJob {
  readonly facts: SealFacts;
  readonly sign: SignSeal;
  readonly runId: string | null;
  /** Complete once the pieces have been written. */
  readonly masked: () => number;
  /** Called between parts; throws to stop. */
  readonly check: () => void;
}

/** Write a file that carries its seal inside. */
export function writeSealedInside(
  path: string,
  format: keyof typeof SEAL_FRAMES,
  pieces: Iterable<Piece>,
  job: SealingJob,
): WrittenFile {
  const { before, after, encode } = SEAL_FRAMES[format];
  const sink = createSink(path);
  try {
    writePieces(sink, pieces, job.check);
    const parts = sink.parts();
    sink.write(before);
    // The end of the file is covered too, so it is hashed before the seal is written and stored behind it.
    const covered = sink.covered(after);
    const statement = statementOf(format, job, { ...covered, parts });
    sink.writeUncovered(encode(renderSeal(job.sign(statement))));
    sink.writeUncovered(after);
    return { ...sink.close(), masked: job.masked() };
  } finally {
    sink.abandon();
  }
}

/** Write a file whose seal lies beside it, as `path`.sig. */
export function writeSealedBeside(path: string, format: string, pieces: Iterable<Piece>, job: SealingJob): WrittenFile {
  const sink = createSink(path);
  try {
    writePieces(sink, pieces, job.check);
    const parts = sink.parts();
    const statement = statementOf(format, job, { ...sink.covered(), parts });
    const written = { ...sink.close(), masked: job.masked() };
    writeSignatureFile(path, job.sign(statement));
    return written;
  } finally {
    sink.abandon();
  }
}

/** Write `path`.sig. */
export function writeSignatureFile(path: string, seal: Seal): void {
  const sink = createSink(`${path}.sig`);
  sink.write(`${renderSeal(seal)}\n`);
  sink.close();
}

/** The statement about a file of a format. */
export const statementOf = (
  format: string,
  { facts, runId, masked }: Pick<SealingJob, 'facts' | 'runId' | 'masked'>,
  file: { readonly bytes: number; readonly sha256: string; readonly parts: readonly SealPart[] },
): SealStatement => ({
  v: 1,
  format,
  run_id: runId,
  ...facts,
  masked: masked(),
  bytes: file.bytes,
  sha256: file.sha256,
  parts: [...file.parts],
});
