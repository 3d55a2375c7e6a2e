import { hash } from 'node:crypto';
import type {
  ExportedArtifact,
  ExportedCall,
  ExportedRequest,
  ExportedResponse,
  ExportedStep,
  ExportedText,
  ExportFacts,
  RunSource,
} from '../audit/export/source.ts';
import type {
  AuditRecord,
  BudgetRecord,
  ExchangeRecord,
  GateRecord,
  RunRecord,
  WireFormat,
} from '../contract/records.ts';
import type { Readable } from '../store/handle.ts';
import { findAgent } from '../store/tables/agents.ts';
import { findArtifactPlace, listArtifacts } from '../store/tables/artifacts.ts';
import { listAudit } from '../store/tables/audit.ts';
import { readBlob } from '../store/tables/blobs.ts';
import { findAccount, toBudgetRecord } from '../store/tables/budgets.ts';
import { listExchangePage } from '../store/tables/exchanges.ts';
import {
  type BodyBlobs,
  createBodyLists,
  describeBlob,
  findExchangeBytes,
  tallyRun,
} from '../store/tables/export-reads.ts';
import { listGatesOfRun } from '../store/tables/gates.ts';
import { listGrantsOfRun } from '../store/tables/grants.ts';
import { findRun } from '../store/tables/runs.ts';
import { listSteps } from '../store/tables/steps.ts';
import { type Message, readAnswer, readElements, readRequest } from './spoken.ts';

/**
 * How much of what was said a format takes: all bytes (`exact`), what a person would read (`read`), or neither. Without
 * prompts only hashes are taken, and nothing is read that would be left out again.
 */
export type ContentDepth = 'exact' | 'read' | 'none';

export interface ReadOptions {
  readonly depth: ContentDepth;
  readonly about: ExportFacts;
  /** Called after each page, with the steps read so far. Throws to stop. */
  readonly onStep: (done: number) => void;
}

const PAGE = 500;

/** A run as renderers take it, or null if there is none. The connection must stay within one read transaction. */
export function readRun(db: Readable, runId: string, options: ReadOptions): RunSource | null {
  const run = findRun(db, runId);
  if (run === null) return null;
  const { about } = options;
  const gates = listGatesOfRun(db, runId);
  const contents = createContents(db, options);
  return {
    about,
    run,
    waitedMs: waitedIn(gates, run.ended_at ?? about.exportedAt),
    budgets: budgetsOf(db, run, about.exportedAt),
    gates,
    grants: listGrantsOfRun(db, runId, about.exportedAt).filter((grant) => grant.run_id === runId),
    artifacts: listArtifacts(db, runId).map((artifact) => ({
      artifact,
      content: contents.artifact(artifact.artifact_id, artifact.content_type, artifact),
    })),
    tally: tallyRun(db, runId),
    *steps() {
      for (const page of stepPages(db, runId)) {
        for (const entry of page) {
          const { step, exchange } = entry;
          yield { step, call: exchange === null ? null : contents.call(exchange) } satisfies ExportedStep;
        }
        options.onStep(page.at(-1)?.step.step ?? 0);
      }
    },
    audit: () => auditOf(db, runId),
  };
}

function* stepPages(db: Readable, runId: string) {
  for (let afterStep = 0; ; ) {
    const steps = listSteps(db, runId, { afterStep, limit: PAGE });
    const page = { runId, afterStep, limit: PAGE };
    const exchanges = new Map(listExchangePage(db, page).map((exchange) => [exchange.step, exchange]));
    if (steps.length > 0)
      yield steps.map((step) => {
        const exchange = exchanges.get(step.step) ?? null;
        return { step, exchange: exchange?.exchange_id === step.exchange_id ? exchange : null };
      });
    if (steps.length < PAGE) return;
    afterStep = steps.at(-1)?.step ?? afterStep;
  }
}

function* auditOf(db: Readable, runId: string): Generator<AuditRecord> {
  for (let afterSeq = 0; ; ) {
    const records = listAudit(db, { runId, afterSeq, limit: PAGE });
    yield* records;
    if (records.length < PAGE) return;
    afterSeq = records.at(-1)?.seq ?? afterSeq;
  }
}

function budgetsOf(db: Readable, run: RunRecord, now: number): readonly BudgetRecord[] {
  const team = findAgent(db, run.agent_id)?.team ?? null;
  const named = [
    findAccount(db, 'run', run.run_id),
    findAccount(db, 'agent', run.agent_id),
    team === null ? null : findAccount(db, 'team', team),
  ];
  return named.flatMap((account) => (account === null ? [] : [toBudgetRecord(account, now)]));
}

/** Milliseconds in which at least one gate waited; overlapping waits count once. */
export function waitedIn(gates: readonly Pick<GateRecord, 'created_at' | 'decided_at'>[], now: number): number {
  let waited = 0;
  let covered = 0;
  for (const { created_at: from, decided_at: decided } of [...gates].sort((a, b) => a.created_at - b.created_at)) {
    const to = decided ?? now;
    waited += Math.max(0, to - Math.max(from, covered));
    covered = Math.max(covered, to);
  }
  return waited;
}

interface Contents {
  call(exchange: ExchangeRecord): ExportedCall;
  artifact(
    artifactId: string,
    contentType: string,
    known: { readonly sha256: string; readonly bytes: number },
  ): ExportedArtifact['content'];
}

function createContents(db: Readable, { depth, about }: ReadOptions): Contents {
  const bodyOf = createBodyLists(db);
  const earlier: EarlierRequest[] = [];
  const isNew = createNovelty();
  const inFull = depth === 'exact' && about.prompts;
  const read = depth !== 'none' && about.prompts;

  const request = (exchange: ExchangeRecord, body: BodyBlobs): ExportedRequest => {
    const base = closest(earlier, body.blobs);
    earlier.unshift({ exchangeId: exchange.exchange_id, blobs: body.blobs });
    earlier.length = Math.min(earlier.length, BASES);
    const { head, tail } = base;
    const fresh = body.blobs.slice(head, body.blobs.length - tail);
    return {
      bytes: body.size,
      base: base.exchangeId,
      keep_head: head,
      keep_tail: tail,
      pieces: fresh.map((blobId) => pieceOf(db, blobId, inFull)),
      news:
        read && exchange.wire_format !== null ? newsOf(db, exchange.wire_format, body.blobs, base).filter(isNew) : [],
    };
  };

  const response = (exchange: ExchangeRecord, body: BodyBlobs, contentType: string | null): ExportedResponse => {
    const [blobId] = body.blobs;
    const stream = contentType?.startsWith('text/event-stream') ?? false;
    const format = exchange.wire_format;
    const bytes = blobId === undefined ? new Uint8Array() : readBlob(db, blobId);
    return {
      ...(blobId === undefined ? EMPTY : pieceOf(db, blobId, inFull && !(stream && format !== null))),
      content_type: contentType,
      said: read && format !== null ? noted(readAnswer(format, bytes, stream), isNew) : [],
    };
  };

  return {
    call(exchange) {
      const places = depth === 'none' ? NOWHERE : findExchangeBytes(db, exchange.exchange_id);
      const asked = places.requestBody === null ? null : bodyOf(places.requestBody);
      const answered = places.responseBody === null ? null : bodyOf(places.responseBody);
      return {
        exchange,
        request: asked === null ? null : request(exchange, asked),
        response: answered === null ? null : response(exchange, answered, places.contentType),
      };
    },
    artifact(artifactId, contentType, { sha256, bytes }) {
      const blobId = inFull ? (findArtifactPlace(db, artifactId)?.blobId ?? null) : null;
      if (blobId === null || describeBlob(db, blobId) === null) return { sha256, bytes, text: null, encoding: 'utf8' };
      return { sha256, bytes, ...renderBytes(readBlob(db, blobId), isText(contentType)) };
    },
  };
}

/** Tells what a run has not said before: clients send the whole conversation with every call, answers included. */
function createNovelty(): (message: Message) => boolean {
  const known = new Set<string>();
  return ({ role, parts }) => {
    const said = parts.map((part) => ({ ...part, text: 'text' in part ? part.text.replace(/\s/g, '') : '' }));
    const key = hash('sha1', JSON.stringify([role, said]), 'base64');
    const isNew = !known.has(key);
    known.add(key);
    return isNew;
  };
}

/** An answer is shown whether or not it repeats an earlier one; what follows will repeat it. */
function noted(messages: readonly Message[], isNew: (message: Message) => boolean): readonly Message[] {
  for (const message of messages) isNew(message);
  return messages;
}

const NOWHERE = { requestBody: null, responseBody: null, contentType: null };
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const EMPTY: ExportedText = { sha256: EMPTY_SHA256, bytes: 0, text: null, encoding: 'utf8' };

interface EarlierRequest {
  readonly exchangeId: string;
  readonly blobs: readonly number[];
}

interface Base {
  readonly exchangeId: string | null;
  readonly head: number;
  readonly tail: number;
}

/** Conversations of one run that are told apart at a time (a main agent and its subagents take turns). */
const BASES = 4;

/** The earlier request that shares most pieces with this one. */
function closest(earlier: readonly EarlierRequest[], blobs: readonly number[]): Base {
  let best: Base = { exchangeId: null, head: 0, tail: 0 };
  for (const { exchangeId, blobs: before } of earlier) {
    const limit = Math.min(before.length, blobs.length);
    let head = 0;
    while (head < limit && before[head] === blobs[head]) head += 1;
    let tail = 0;
    while (tail < limit - head && before[before.length - 1 - tail] === blobs[blobs.length - 1 - tail]) tail += 1;
    if (head + tail > best.head + best.tail) best = { exchangeId, head, tail };
  }
  return best;
}

/** So many pieces behind what is new may close its last message (`}`, `}]`, a mark). */
const CLOSING = 3;
const CLOSER_BYTES = 256;

function newsOf(db: Readable, format: WireFormat, blobs: readonly number[], base: Base): readonly Message[] {
  const end = blobs.length - base.tail;
  const bytes = (ids: readonly number[]): Buffer => Buffer.concat(ids.map((blobId) => contentOf(db, blobId)));
  // Where the request's own head is new, so are its instructions: then it is read as a whole.
  if (base.exchangeId === null || base.head === 0) return readRequest(format, bytes(blobs));
  const closing = blobs.slice(end, end + CLOSING).filter((id) => (describeBlob(db, id)?.bytes ?? 0) <= CLOSER_BYTES);
  return readElements(format, bytes([...blobs.slice(base.head, end), ...closing]).toString('utf8'));
}

const contentOf = (db: Readable, blobId: number): Uint8Array =>
  describeBlob(db, blobId) === null ? new Uint8Array() : readBlob(db, blobId);

/** One stored piece; a removed one has no text. */
function pieceOf(db: Readable, blobId: number, withText: boolean): ExportedText {
  const facts = describeBlob(db, blobId);
  if (facts === null) return EMPTY;
  if (!withText) return { ...facts, text: null, encoding: 'utf8' };
  return { ...facts, ...renderBytes(readBlob(db, blobId), true) };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function renderBytes(bytes: Uint8Array, asText: boolean): Pick<ExportedText, 'text' | 'encoding'> {
  if (asText)
    try {
      return { text: strictUtf8.decode(bytes), encoding: 'utf8' };
    } catch {
      // not UTF-8: kept exactly, below
    }
  return { text: Buffer.from(bytes).toString('base64'), encoding: 'base64' };
}

const isText = (contentType: string): boolean =>
  /^text\/|[/+](json|xml|yaml|javascript|csv|x-ndjson|markdown)\b/i.test(contentType);
