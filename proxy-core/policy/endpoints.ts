import { type NanoUsd, usdToNano, ZERO_USD } from '../contract/money.ts';
import { matchesGlob } from './glob.ts';
import type { PolicyDefinition } from './schema.ts';

/** Whether the policy lets an endpoint through that is not governed. Paths that a server might resolve differently pass no list. */
export function allowsEndpoint(definition: PolicyDefinition, method: string, path: string): boolean {
  if (/%2e|%2f|%5c|\\|\/\/|\/\.{1,2}(\/|$)/i.test(path)) return false;
  return (definition.endpoints ?? []).some((entry) => {
    const [first = '', second] = entry.split(' ');
    return second === undefined ? matchesGlob(first, path) : first === method && matchesGlob(second, path);
  });
}

/** What a call of an extra endpoint costs: the policy's amount for the first glob that matches its path, else nothing. */
export function endpointCost(definition: PolicyDefinition, path: string): NanoUsd {
  const cost = definition.endpoint_cost_usd;
  if (cost === undefined) return ZERO_USD;
  return typeof cost === 'number' ? usdToNano(cost) : firstAmount(cost, path);
}

/** What a call of a tool costs besides its tokens: the policy's amount for the first glob that matches, else nothing. */
export function toolCost(definition: PolicyDefinition, tool: string): NanoUsd {
  return firstAmount(definition.tool_cost_usd ?? {}, tool);
}

function firstAmount(amounts: Readonly<Record<string, number>>, name: string): NanoUsd {
  const entry = Object.entries(amounts).find(([glob]) => matchesGlob(glob, name));
  return entry === undefined ? ZERO_USD : usdToNano(entry[1]);
}
