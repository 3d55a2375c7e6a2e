import type { Verb } from '../store.ts';
import { admit, refuse } from './admit.ts';
import { noteTextCalls, resumeAgent, revokeAgent, saveAgent, saveTeam, setToken } from './agents.ts';
import { signHead } from './audit-heads.ts';
import { storeRequest, storeResponse } from './bodies.ts';
import { resetBudget, setBudget } from './budgets.ts';
import { digest } from './digest.ts';
import { claimGate, consumeGate, releaseGate } from './gate-releases.ts';
import { decideGate, revokeGate, undoGate } from './gate-verdicts.ts';
import { cancelGate, cancelGates, expireGates, extendGate, noteAgentGone, noteRetries, openGate } from './gates.ts';
import { addGrantLater, revokeGrant, useGrant } from './grants.ts';
import { enqueueNotice, noteDelivery } from './notices.ts';
import { beginSweep, endSweep, pruneTrace, shrink, sweepBlobs } from './retention.ts';
import { addStep, endRun, fileKeysOf, noteSeen, pauseRun, putArtifact, startRun } from './runs.ts';
import { recordFact, savePolicy, setSetting } from './settings.ts';
import { recover, settle } from './settle.ts';
import type { VerbBody } from './transaction.ts';

/** Every verb and what carries it out. */
export const VERBS: { readonly [V in Verb]: VerbBody<V> } = {
  addGrant: addGrantLater,
  addStep,
  admit,
  beginSweep,
  cancelGate,
  cancelGates,
  claimGate,
  consumeGate,
  decideGate,
  digest,
  endRun,
  endSweep,
  fileKeys: fileKeysOf,
  enqueueNotice,
  expireGates,
  extendGate,
  noteDelivery,
  noteAgentGone,
  noteRetries,
  openGate,
  noteSeen,
  noteTextCalls,
  pauseRun,
  pruneTrace,
  putArtifact,
  recordFact,
  recover,
  refuse,
  releaseGate,
  resetBudget,
  resumeAgent,
  revokeAgent,
  revokeGate,
  revokeGrant,
  saveAgent,
  savePolicy,
  saveTeam,
  setBudget,
  setSetting,
  setToken,
  settle,
  shrink,
  signHead,
  startRun,
  storeRequest,
  storeResponse,
  sweepBlobs,
  undoGate,
  useGrant,
};
