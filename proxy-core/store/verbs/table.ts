import type { Verb } from '../store.ts';
import { admit, refuse } from './admit.ts';
import { revokeAgent, saveAgent, saveTeam, setToken } from './agents.ts';
import { storeRequest, storeResponse } from './bodies.ts';
import { resetBudget, setBudget } from './budgets.ts';
import { addStep, endRun, putArtifact, startRun } from './runs.ts';
import { savePolicy, setSetting } from './settings.ts';
import { recover, settle } from './settle.ts';
import type { VerbBody } from './transaction.ts';

/** Every verb and what carries it out. */
export const VERBS: { readonly [V in Verb]: VerbBody<V> } = {
  addStep,
  admit,
  endRun,
  putArtifact,
  recover,
  refuse,
  resetBudget,
  revokeAgent,
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
};

/** Verbs that may wait while others are served: they move bytes, not money. */
export const isPatient = (verb: Verb): boolean => verb === 'storeRequest' || verb === 'storeResponse';
