import { z } from 'zod';
import type { GateCard } from '../contract/gate-card.ts';
import type { BudgetRecord, GateRecord, RunRecord, StepRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { type WeighedOffer, weighOffers } from '../exchange/gate-offers.ts';
import { type GateReading, readGate } from '../exchange/gate-reading.ts';
import { expectedRetry } from '../gates/retry-expectation.ts';
import { stateAt } from '../gates/states.ts';
import type { ExplainedCondition } from '../policy/decision.ts';
import { renderClause } from '../policy/explain.ts';
import type { Snoozes } from './snoozes.ts';

/**
 * All that a reviewer needs to decide one gate, put together once for every surface. Texts that a model wrote are given
 * complete and as they are; whoever shows them escapes them.
 */
export type CardOf = (gate: GateRecord) => Promise<GateCard>;

const STEPS = 5;
const SIMILAR = 5;
/** Cards whose lasting part is kept: what proposes megabytes is read once, not at every event. */
const KEPT = 8;

/** What never changes of a card. */
interface Lasting extends GateReading {
  readonly clauses: GateCard['clauses'];
  readonly offers: readonly WeighedOffer[];
  readonly refused: string | null;
}

/** Cards over a core; the latest few are kept in part. */
export function createCards(core: Core, snoozes: Snoozes): CardOf {
  const kept = new Map<string, Promise<Lasting>>();
  const lastingOf = (gate: GateRecord): Promise<Lasting> => {
    const known = kept.get(gate.gate_id) ?? readLasting(core, gate);
    kept.delete(gate.gate_id);
    kept.set(gate.gate_id, known);
    known.catch(() => kept.delete(gate.gate_id));
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return known;
  };
  return async (gate) => renderCard(core, gate, await lastingOf(gate), snoozes);
}

async function readLasting(core: Core, gate: GateRecord): Promise<Lasting> {
  const conditions = gate.explanation.flatMap((one) => {
    const parsed = condition.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
  const reading = readGate(core, gate, conditions);
  return { ...reading, clauses: conditions.map(clause), ...(await weighOffers(core, gate, reading.gatedRisk)) };
}

/** A condition as the gate keeps it. */
const condition: z.ZodType<ExplainedCondition> = z.object({
  path: z.string(),
  operator: z.string(),
  expected: z.string(),
  seen: z.string().nullable(),
  unclear: z.string().nullable(),
  outcome: z.enum(['matched', 'unmatched', 'ambiguous']),
  negated: z.boolean(),
  decisive: z.boolean(),
});

/** Whole: what a gate keeps of a condition is cut where it is longer than anybody reads (policy/judge.ts). */
const clause = (one: ExplainedCondition): GateCard['clauses'][number] => ({
  text: renderClause({ ...one, path: `\`${one.path}\`` }, Number.POSITIVE_INFINITY),
  matched: one.decisive,
});

function renderCard(core: Core, gate: GateRecord, lasting: Lasting, snoozes: Snoozes): GateCard {
  const { read } = core.store;
  const run = read.run(gate.run_id);
  if (run === null) throw new Error(`gate ${gate.gate_id} has no run`);
  const { level, reasons, unknown } = lasting.risk;
  const [first] = gate.proposed_actions.filter(({ rule }) => rule !== null);
  return {
    gate,
    risk: { level, reasons: reasons.map((one) => ({ ...one })), unknown: [...unknown] },
    actions: [...lasting.actions],
    clauses: lasting.clauses,
    goal: lasting.goal,
    agent_says: lasting.agentSays,
    run,
    budgets: budgetsOf(core, run),
    recent_steps: stepsBefore(core, gate),
    similar: [
      ...read.similarGates({
        gateId: gate.gate_id,
        rule: gate.rule,
        tool: first?.tool ?? '',
        before: gate.decided_at ?? core.clock.now() + 1,
        limit: SIMILAR,
      }),
    ],
    offers: lasting.offers.map(({ scope, shown, lastsMs, matched, of }) => ({
      scope,
      shown,
      lasts_seconds: lastsMs === null ? null : Math.round(lastsMs / 1000),
      matched,
      of,
    })),
    not_grantable: lasting.refused,
    client: clientOf(core, gate, run),
    snoozed_until: gate.state === 'pending' ? snoozes.until(gate.gate_id) : null,
  };
}

function budgetsOf(core: Core, run: RunRecord): BudgetRecord[] {
  const { read } = core.store;
  const team = core.agents.byId(run.agent_id)?.team ?? null;
  const found = [
    read.budget('run', run.run_id),
    read.budget('agent', run.agent_id),
    team === null ? null : read.budget('team', team),
  ];
  return found.filter((budget) => budget !== null);
}

/** The steps that led to the gate. */
function stepsBefore(core: Core, gate: GateRecord): StepRecord[] {
  const step = core.store.read.gateStep(gate.gate_id);
  if (step === null || step <= 1) return [];
  const afterStep = Math.max(0, step - 1 - STEPS);
  return [...core.store.read.steps(gate.run_id, { afterStep, limit: step - 1 - afterStep })];
}

function clientOf(core: Core, gate: GateRecord, run: RunRecord): GateCard['client'] {
  const exchange = gate.exchange_id === null ? null : core.store.read.exchange(gate.exchange_id);
  const name = exchange?.client ?? run.client;
  const delivery = core.abandons.delivery(gate.gate_id) ?? usualDelivery(core, gate, name);
  const attached = core.abandons.attached(gate.gate_id);
  return { name, delivery, attached, next_retry_at: delivery === 'retry' ? nextRetry(core, gate) : null };
}

/** Before the agent has come back after a restart: as its record says, or as its client is known to need it. */
function usualDelivery(core: Core, gate: GateRecord, client: string | null): 'hold' | 'retry' {
  const set = core.agents.byId(gate.agent_id)?.delivery ?? 'auto';
  if (set !== 'auto') return set;
  return client === null ? 'retry' : 'hold';
}

/** While the agent waits, or has not come for what was approved. */
function nextRetry(core: Core, gate: GateRecord): number | null {
  const now = core.clock.now();
  const state = stateAt(gate, now);
  const waits = state === 'pending' || (state === 'approved' && gate.released_at === null);
  return waits ? expectedRetry(gate, core.gates.retryGap(gate.gate_id), now) : null;
}
