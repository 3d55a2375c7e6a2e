import type { Readable } from './handle.ts';
import type { GateReader } from './store.ts';
import { gateContextReader } from './tables/gate-context.ts';
import { findGate, findKeptAnswer, listGates, listLiveGates } from './tables/gates.ts';
import { listGrants } from './tables/grants.ts';
import { listDueNotices, listNotices } from './tables/notices.ts';

/** The reads about gates, grants and notices, over a reading handle. */
export const gateReader = (db: Readable): GateReader => ({
  gate: (gateId) => findGate(db, gateId),
  gates: (filter) => listGates(db, filter),
  liveGates: () => listLiveGates(db),
  keptAnswer: (gateId) => findKeptAnswer(db, gateId),
  grants: (now) => listGrants(db, now),
  dueNotices: (now, limit) => listDueNotices(db, now, limit),
  notices: (filter) => listNotices(db, filter),
  ...gateContextReader(db),
});
