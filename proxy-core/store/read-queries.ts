import type { Conversation } from '../contract/conversation.ts';
import { canonicalBody, fingerprint } from '../runs/fingerprint.ts';
import { readConversation } from '../wire/conversation.ts';
import { readDigest } from './digest.ts';
import type { Readable } from './handle.ts';
import type { BytesPart, ReadInput, ReadName, ReadOutput, RunView } from './reads.ts';
import { findAgent } from './tables/agents.ts';
import { findArtifactPlace, listArtifacts } from './tables/artifacts.ts';
import { listAudit, sha256 } from './tables/audit.ts';
import { readBlob } from './tables/blobs.ts';
import { readBody, readBodyPart } from './tables/bodies.ts';
import { findAccount, toBudgetRecord } from './tables/budgets.ts';
import { findAnswerType, findExchange, findExchangeBody, listExchangePage, listExchanges } from './tables/exchanges.ts';
import { listGatesOfRun } from './tables/gates.ts';
import { listGrantsOfRun } from './tables/grants.ts';
import { findLatestStart, listFacets, listRuns } from './tables/run-list.ts';
import { findRun } from './tables/runs.ts';
import { listSteps } from './tables/steps.ts';
import {
  findOldestTrace,
  listBlobUses,
  listHalfPruned,
  listPrunable,
  measureFile,
  measureTable,
  measureTraces,
} from './tables/traces.ts';

/** Every query of `Reads` and what carries it out. */
export const READS: {
  readonly [N in ReadName]: (db: Readable, input: ReadInput<N>) => ReadOutput<N>;
} = {
  runs(db, { asOf, now, ...page }) {
    // A clock that went back must not hide runs that started before it did.
    const until = asOf ?? Math.max(now, findLatestStart(db) ?? now);
    return { ...listRuns(db, { ...page, asOf: until }), asOf: until };
  },
  facets: (db) => listFacets(db),
  run: (db, { runId }) => findRun(db, runId),
  runView: readRunView,
  steps: (db, { runId, ...page }) => listSteps(db, runId, page),
  exchanges: (db, page) => listExchangePage(db, page),
  gates: (db, { runId }) => listGatesOfRun(db, runId),
  grants: (db, { runId, now }) => listGrantsOfRun(db, runId, now),
  artifacts: (db, { runId }) => listArtifacts(db, runId),
  audit: (db, page) => listAudit(db, page),
  exchangeBody: readExchangePart,
  artifactBody: readArtifactPart,
  conversation: (db, { exchangeId }) => findConversation(db, exchangeId),
  fingerprint: (db, { exchangeId }) => findFingerprint(db, exchangeId),
  digest: readDigest,
  prunable: (db, page) => listPrunable(db, page),
  halfPruned: (db) => listHalfPruned(db),
  oldestTrace: (db) => findOldestTrace(db),
  traceSizes: (db, { runIds }) => measureTraces(db, runIds),
  blobUses: (db, { user, after, limit }) => listBlobUses(db, user, after, limit),
  filePages: (db) => measureFile(db),
  tableBytes: (db, { table }) => measureTable(db, table),
};

function readRunView(db: Readable, { runId, now, ...page }: ReadInput<'runView'>): RunView | null {
  const run = findRun(db, runId);
  if (run === null) return null;
  const team = findAgent(db, run.agent_id)?.team ?? null;
  const accounts = [
    findAccount(db, 'run', runId),
    findAccount(db, 'agent', run.agent_id),
    team === null ? null : findAccount(db, 'team', team),
  ];
  return {
    run,
    budgets: accounts.flatMap((named) => (named === null ? [] : [toBudgetRecord(named, now)])),
    exchanges: listExchanges(db, runId),
    steps: listSteps(db, runId, page),
    gates: listGatesOfRun(db, runId),
    grants: listGrantsOfRun(db, runId, now),
    artifacts: listArtifacts(db, runId),
  };
}

function readExchangePart(db: Readable, input: ReadInput<'exchangeBody'>): BytesPart | null {
  const { exchangeId, side, offset, limit } = input;
  const bodyId = findExchangeBody(db, exchangeId, side);
  if (bodyId === null) return null;
  const contentType = side === 'response' ? findAnswerType(db, exchangeId) : requestType(db, exchangeId);
  return { contentType, ...readBodyPart(db, bodyId, offset, limit) };
}

/** Every request of a wire format is JSON: others have been refused. */
const requestType = (db: Readable, exchangeId: string): string | null =>
  findExchange(db, exchangeId)?.wire_format == null ? null : 'application/json';

function readArtifactPart(db: Readable, input: ReadInput<'artifactBody'>): BytesPart | null {
  const place = findArtifactPlace(db, input.artifactId);
  if (place === null) return null;
  const bytes = readBlob(db, place.blobId);
  const part = new Uint8Array(bytes.subarray(input.offset, input.offset + input.limit));
  return { contentType: place.contentType, bytes: part, total: bytes.length };
}

function findFingerprint(db: Readable, exchangeId: string): string | null {
  const exchange = findExchange(db, exchangeId);
  const bodyId =
    exchange === null || exchange.wire_format === null ? null : findExchangeBody(db, exchangeId, 'request');
  if (exchange === null || bodyId === null) return null;
  const { agent_id: agentId, run_id: runId, method, path } = exchange;
  try {
    const body = canonicalBody(new TextDecoder().decode(readBody(db, bodyId)));
    return fingerprint({ agentId, runId, method, path, body }, sha256);
  } catch (error) {
    // What is no JSON (any more: it was masked when it was stored) has none.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function findConversation(db: Readable, exchangeId: string): Conversation | null {
  const exchange = findExchange(db, exchangeId);
  if (exchange === null) return null;
  if (exchange.wire_format === null) return { messages: [], unreadable: true };
  const bytes = (side: 'request' | 'response'): Uint8Array | null => {
    const bodyId = findExchangeBody(db, exchangeId, side);
    return bodyId === null ? null : readBody(db, bodyId);
  };
  return readConversation({
    format: exchange.wire_format,
    request: bytes('request'),
    response: bytes('response'),
    stream: findAnswerType(db, exchangeId)?.startsWith('text/event-stream') ?? false,
  });
}
