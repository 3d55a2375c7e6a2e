import { describeSent } from '../contract/block.ts';
import type { Decision } from '../policy/decision.ts';
import { renderReason, shortened } from '../policy/explain.ts';
import type { NewBlock } from '../store/store.ts';
import type { Admitted } from './admission.ts';
import { addAlertStep } from './alert-step.ts';
import type { Ruling } from './answer-ruling.ts';
import type { Core } from './core.ts';
import { ruleName } from './judge.ts';
import type { ReadRequest } from './request.ts';
import type { LiveRun } from './run-directory.ts';

/** Tell of a block once it is recorded: the rule to whoever listens, and that the run has met it. */
export function noteBlock(core: Core, request: ReadRequest, run: LiveRun, { detail }: NewBlock): void {
  const agent = request.agent.name;
  core.bus.publish('policy.blocked', {
    run_id: run.runId,
    agent,
    policy: detail.policy,
    rule: detail.rule,
    subject: detail.tool ?? request.endpoint.path,
    stage: detail.stage,
    message: detail.message,
    matched: detail.matched,
    exchange_id: detail.blocked_exchange_id,
    sent: describeSent(detail),
  });
  core.bus.publish('run.blocked', { run_id: run.runId, agent, reason: detail.failure });
}

/** Tell what the rules made of an answer: alerts, and the grants that let a call pass. */
export function noteAnswer(core: Core, { request, run, exchangeId }: Admitted, ruling: Ruling): void {
  const { judgement } = ruling;
  if (judgement === null) return;
  noteAlerts(core, request, run, exchangeId, judgement.alerts);
  for (const grantId of judgement.grantsUsed) {
    core.store
      .write('useGrant', { at: core.clock.now(), grantId, runId: run.runId, exchangeId })
      .committed.catch(() => undefined);
  }
}

/** Put what an alert rule reported into the run's trace and tell whoever listens. Nothing waits for it. */
export function noteAlerts(
  core: Core,
  request: ReadRequest,
  run: LiveRun,
  exchangeId: string,
  decisions: readonly Decision[],
): void {
  for (const decision of decisions) {
    const rules =
      decision.effect === 'alert' && decision.rule !== null ? [decision.rule, ...decision.alerts] : decision.alerts;
    for (const rule of rules) {
      const alert = { ...decision, effect: 'alert', rule } as const;
      core.bus.publish('policy.alert', {
        run_id: run.runId,
        agent: request.agent.name,
        policy: decision.version,
        rule: ruleName(alert),
        subject: decision.tool ?? request.endpoint.path,
      });
      addAlertStep(core, run, exchangeId, renderReason(alert), {
        rule: rule.name,
        policy: decision.version,
        explanation: decision.explanation.map(shortened),
      });
    }
  }
}
