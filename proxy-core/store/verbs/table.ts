import type { Verb } from '../store.ts';
import { admit, refuse } from './admit.ts';
import { revokeAgent, saveAgent, saveTeam, setToken } from './agents.ts';
import { storeRequest, storeResponse } from './bodies.ts';
import { resetBudget, setBudget } from './budgets.ts';
import { claimGate, consumeGate, releaseGate } from './gate-releases.ts';
import { decideGate, undoGate } from './gate-verdicts.ts';
import { cancelGate, cancelGates, expireGates, extendGate, noteRetries, openGate } from './gates.ts';
import { revokeGrant, useGrant } from './grants.ts';
import { enqueueNotice, noteDelivery } from './notices.ts';
import { addStep, endRun, fileKeysOf, noteSeen, putArtifact, startRun } from './runs.ts';
import { savePolicy, setSetting } from './settings.ts';
import { recover, settle } from './settle.ts';
import type { VerbBody } from './transaction.ts';

/** Every verb and what carries it out. */
export const VERBS: { readonly [V in Verb]: VerbBody<V> } = {
  addStep,
  admit,
  cancelGate,
  cancelGates,
  claimGate,
  consumeGate,
  decideGate,
  endRun,
  fileKeys: fileKeysOf,
  enqueueNotice,
  expireGates,
  extendGate,
  noteDelivery,
  noteRetries,
  openGate,
  noteSeen,
  putArtifact,
  recover,
  refuse,
  releaseGate,
  resetBudget,
  revokeAgent,
  revokeGrant,
  saveAgent,
  savePolicy,
  saveTeam,
  setBudget,
  setSetting,
  setToken,
  settle,
  startRun,
  storeRequest,
  storeResponse,
  undoGate,
  useGrant,
};
