import { connectReadOnly } from './connect.ts';
import { gateReader } from './gate-reader.ts';
import { readable } from './handle.ts';
import type { StoreReader } from './store.ts';
import { listAgents, listTeams, listTokens } from './tables/agents.ts';
import { findArtifactPlace, listArtifacts } from './tables/artifacts.ts';
import { listAudit } from './tables/audit.ts';
import { findAuditHead, findInstallation, listSignedHeads } from './tables/audit-heads.ts';
import { readBlob } from './tables/blobs.ts';
import { readBody } from './tables/bodies.ts';
import { findAccount, listAccounts, toBudgetRecord } from './tables/budgets.ts';
import { countPassed, findExchange, findExchangeBody, listExchanges, listOutputSamples } from './tables/exchanges.ts';
import { listPolicies } from './tables/policies.ts';
import { listRuns } from './tables/run-list.ts';
import { listOpenCalls, listPassedAnswers, listUnanswered } from './tables/run-traffic.ts';
import { countRuns, findFirstRun, findIdleRuns, findLastStopped, findRun, findRunsByKey } from './tables/runs.ts';
import { listSeen } from './tables/seen.ts';
import { findSetting } from './tables/settings.ts';
import { listPendingCalls, listSteps } from './tables/steps.ts';

/**
 * Reads of an existing store on a connection of their own that cannot write. `clock` says which tokens are valid, `civil`
 * which budget windows are current.
 */
export function openReader(
  path: string,
  clock: () => number,
  civil: () => number = clock,
): { readonly read: StoreReader; close(): void } {
  const connection = connectReadOnly(path);
  const db = readable(connection);
  const body = (exchangeId: string, side: 'request' | 'response'): Uint8Array | null => {
    const bodyId = findExchangeBody(db, exchangeId, side);
    return bodyId === null ? null : readBody(db, bodyId);
  };
  const read: StoreReader = {
    agents: () => listAgents(db),
    tokens: () => listTokens(db, clock()),
    teams: () => listTeams(db),
    run: (runId) => findRun(db, runId),
    runs: (page) => listRuns(db, page),
    findRuns: (agentId, key) => findRunsByKey(db, agentId, key),
    unanswered: (agentId) => listUnanswered(db, agentId),
    openCalls: (agentId, mostRuns, mostCalls) => listOpenCalls(db, agentId, mostRuns, mostCalls),
    passedAnswers: (agentId, since, most) => listPassedAnswers(db, agentId, since, most),
    idleRuns: (agentId, since) => findIdleRuns(db, agentId, since),
    firstRun: (agentId) => findFirstRun(db, agentId),
    lastStopped: (agentId) => findLastStopped(db, agentId),
    runsTotal: () => countRuns(db),
    exchange: (exchangeId) => findExchange(db, exchangeId),
    callsPassed: (since) => countPassed(db, since),
    exchanges: (runId) => listExchanges(db, runId),
    steps: (runId, filter) => listSteps(db, runId, filter),
    requestBody: (exchangeId) => body(exchangeId, 'request'),
    responseBody: (exchangeId) => body(exchangeId, 'response'),
    artifacts: (runId) => listArtifacts(db, runId),
    artifactBody: (artifactId) => {
      const place = findArtifactPlace(db, artifactId);
      return place === null ? null : readBlob(db, place.blobId);
    },
    budgets: () => listAccounts(db).map((named) => toBudgetRecord(named, civil())),
    budget: (scope, subject) => {
      const named = findAccount(db, scope, subject);
      return named === null ? null : toBudgetRecord(named, civil());
    },
    policies: () => listPolicies(db),
    setting: (name) => findSetting(db, name),
    audit: (filter) => listAudit(db, filter),
    auditHead: () => findAuditHead(db),
    signedHeads: (limit) => listSignedHeads(db, limit),
    installation: () => findInstallation(db),
    outputSamples: (model) => listOutputSamples(db, model),
    seenByAgents: () => listSeen(db),
    pendingToolCalls: (runId) => listPendingCalls(db, runId),
    ...gateReader(db),
  };
  return { read, close: () => connection.close() };
}
