import { cannotRead202 } from '../runs/clients.ts';
import type { ReadRequest } from './request.ts';

/** How a gate reaches this request's agent (behaviour §6). */
export function deliveryOf(request: ReadRequest): 'retry' | 'hold' {
  const asked = request.asks.gate ?? request.agent.delivery;
  if (asked !== 'auto') return asked;
  return cannotRead202(request.client, request.headers) ? 'hold' : 'retry';
}
