import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import type { ConsoleState } from './console-state.ts';

/** The state after one event. Applying an event twice changes nothing more than once, except counters of revisions. */
export function reduce(state: ConsoleState, event: PublishedEvent): ConsoleState {
  switch (event.name) {
    case 'approval.pending':
    case 'approval.approved':
    case 'approval.rejected':
    case 'approval.expired':
    case 'approval.cancelled':
    case 'approval.changed':
      return withGate(state, (event as PublishedEvent<'approval.changed'>).body.gate);
    case 'approval.snoozed': {
      const { gate_id, until } = (event as PublishedEvent<'approval.snoozed'>).body;
      const snoozed = new Map(state.snoozed);
      if (until === null) snoozed.delete(gate_id);
      else snoozed.set(gate_id, until);
      return { ...state, snoozed };
    }
    case 'run.started':
      return withRun({ ...state, runsTotal: state.runsTotal + 1 }, event);
    case 'run.changed':
    case 'run.completed':
    case 'run.blocked':
    case 'budget.exceeded':
      return withRun(state, event);
    case 'core.paused': {
      const { paused } = (event as PublishedEvent<'core.paused'>).body;
      return state.status === null ? state : { ...state, status: { ...state.status, paused } };
    }
    case 'preferences.changed':
      return { ...state, preferences: (event as PublishedEvent<'preferences.changed'>).body.preferences };
    case 'grants.changed':
      return bump(state, 'grants');
    case 'keys.changed':
      return bump(state, 'keys');
    case 'budgets.changed':
      return bump(state, 'budgets');
    case 'telemetry.changed':
      return bump(state, 'telemetry');
    case 'retention.changed':
      return bump(state, 'retention');
    case 'notice.failed':
      return withNotice(state, (event as PublishedEvent<'notice.failed'>).body.notice);
    case 'notice.withdrawn': {
      const { notice_id } = (event as PublishedEvent<'notice.withdrawn'>).body;
      const notices = state.notices.filter((notice) => notice.notice_id !== notice_id);
      return notices.length === state.notices.length ? state : { ...state, notices };
    }
    case 'export.progress': {
      const { export_id, done, of } = (event as PublishedEvent<'export.progress'>).body;
      const exports = new Map(state.exports);
      if (done >= of) exports.delete(export_id);
      else exports.set(export_id, { done, of });
      return { ...state, exports };
    }
    // What no screen of the console keeps: agents and policies are read when they are shown.
    case 'notice.shown':
    case 'budget.alert':
    case 'policy.blocked':
    case 'policy.drift':
    case 'policy.alert':
    case 'loop.detected':
    case 'policies.changed':
    case 'agents.changed':
      return state;
  }
}

function withGate(state: ConsoleState, gate: GateRecord): ConsoleState {
  const gates = new Map(state.gates);
  gates.set(gate.gate_id, gate);
  const snoozed = new Map(state.snoozed);
  if (gate.state !== 'pending') snoozed.delete(gate.gate_id);
  return bump({ ...state, gates, snoozed }, 'gates');
}

function withRun(state: ConsoleState, event: PublishedEvent): ConsoleState {
  const { run_id } = event.body as { readonly run_id: string };
  const changedRuns = new Map(state.changedRuns);
  changedRuns.delete(run_id);
  changedRuns.set(run_id, event.seq);
  // Only the latest are kept: a screen that has not looked for so long loads its list anew anyway.
  if (changedRuns.size > KEPT_RUNS) changedRuns.delete(changedRuns.keys().next().value ?? '');
  return bump({ ...state, changedRuns }, 'runs');
}

const KEPT_RUNS = 500;

function withNotice(state: ConsoleState, notice: ConsoleState['notices'][number]): ConsoleState {
  const others = state.notices.filter(({ notice_id }) => notice_id !== notice.notice_id);
  return { ...state, notices: [...others, notice].slice(-5) };
}

const bump = (state: ConsoleState, what: keyof ConsoleState['revision']): ConsoleState => ({
  ...state,
  revision: { ...state.revision, [what]: state.revision[what] + 1 },
});
