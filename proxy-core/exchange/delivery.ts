import type { Headers } from '../runs/client-table.ts';
import type { ReadRequest } from './request.ts';
import type { LiveRun } from './run-directory.ts';

/** How a gate reaches this request's agent (behaviour §6); `run` is the request's. */
export function deliveryOf(request: ReadRequest, run: LiveRun | null): 'retry' | 'hold' {
  const asked = request.asks.gate ?? request.agent.delivery;
  if (asked !== 'auto') return asked;
  if (run?.reads202 === true) return 'retry';
  return cannotRead202(request) ? 'hold' : 'retry';
}

/**
 * Whether a 202 would be misread: of all agents and SDKs measured none reads it, several take it for an empty success. So
 * every stream that can hold a tool call is held, whoever asks, and every recognised client.
 */
const cannotRead202 = ({ client, headers, facts }: ReadRequest): boolean =>
  client !== null || fromStainless(headers) || (facts?.stream === true && mayCallTools(facts));

/** The generated SDKs, under whatever name they call themselves. */
const fromStainless = (headers: Headers): boolean => headers['x-stainless-lang'] !== undefined;

/** It declares tools, or continues a conversation that did. */
const mayCallTools = ({ tools, toolResults, responseIds }: NonNullable<ReadRequest['facts']>): boolean =>
  tools.length > 0 || toolResults.length > 0 || responseIds.length > 0;

/** How long this request's agent may be away from a gate before it counts as gone, ms; 0: for ever; null: as everybody. */
export const patienceOf = ({ agent }: ReadRequest): number | null =>
  agent.patience_seconds === null ? null : agent.patience_seconds * 1000;
