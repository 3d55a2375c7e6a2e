import { nanoToUsd, nanoUsd } from '../contract/money.ts';
import { renderGate } from './gate-payload.ts';
import { maskTree } from './mask.ts';
import type { Announced } from './subject.ts';

/** What a webhook's body is (Standard Webhooks): the event's name, when it happened (RFC 3339), and its facts. */
export interface Payload {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The payload of an event. Names are snake_case, amounts JSON numbers in USD, instants RFC 3339; what looks like a
 * secret is masked. `consoleUrl` is where the operator's console answers, null if it has no address.
 */
export const renderPayload = (event: Announced, consoleUrl: string | null): Payload => ({
  type: event.name,
  timestamp: new Date(event.at).toISOString(),
  data: factsOf(event, consoleUrl),
});

function factsOf(event: Announced, consoleUrl: string | null): Payload['data'] {
  switch (event.name) {
    case 'approval.pending':
    case 'approval.approved':
    case 'approval.rejected':
    case 'approval.expired':
      return renderGate(event.body.gate, consoleUrl);
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
const masked = (facts: object): Payload['data'] => maskTree(facts).value as Payload['data'];
