import { nanoToUsd, nanoUsd } from '../contract/money.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { renderGate } from './gate-payload.ts';
import type { Announced } from './subject.ts';

/** What a webhook's body is (Standard Webhooks): the event's name, when it happened (RFC 3339), and its facts. */
export interface Payload {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The payload of an event. Names are snake_case, amounts JSON numbers in USD, instants RFC 3339; secrets are masked by
 * `redactor`. `consoleUrl` is where the operator's console answers, null if it has no address.
 */
export const renderPayload = (event: Announced, consoleUrl: string | null, redactor: Redactor): Payload => ({
  type: event.name,
  timestamp: new Date(event.at).toISOString(),
  data: factsOf(event, consoleUrl, redactor),
});

function factsOf(event: Announced, consoleUrl: string | null, redactor: Redactor): Payload['data'] {
  const masked = (facts: object): Payload['data'] => redactor.tree(facts).value as Payload['data'];
  switch (event.name) {
    case 'approval.pending':
    case 'approval.approved':
    case 'approval.rejected':
    case 'approval.expired':
      return renderGate(event.body.gate, consoleUrl, redactor);
    case 'run.completed': {
      const { spent_nano, ...facts } = event.body;
      return masked({ ...facts, spent_usd: usd(spent_nano) });
    }
    case 'budget.alert':
    case 'budget.exceeded': {
      const { spent_nano, cap_nano, ...facts } = event.body;
      return masked({ ...facts, spent_usd: usd(spent_nano), cap_usd: usd(cap_nano) });
    }
    case 'run.started':
    case 'run.blocked':
    case 'policy.drift':
    case 'policy.blocked':
    case 'loop.detected':
      return masked(event.body);
  }
}

const usd = (nano: number): number => nanoToUsd(nanoUsd(nano));
