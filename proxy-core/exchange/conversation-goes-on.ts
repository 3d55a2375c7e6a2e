import { hash } from 'node:crypto';
import { messageCount, prefixKey } from '../runs/conversation.ts';
import type { HeldConversation } from './abandons.ts';
import type { Core } from './core.ts';
import type { ReadRequest } from './request.ts';

/** Telling that a conversation goes on from a request that is held (behaviour §6): its messages stand before others. */

const sha256 = (text: string): string => hash('sha256', text, 'hex');

const parse = (request: ReadRequest): unknown => JSON.parse(new TextDecoder().decode(request.body));

const isConversation = ({ endpoint }: ReadRequest): boolean => endpoint.kind === 'model';

/** What is to be known of a request that waits at a gate; null where it holds no conversation. Read once, when it begins to wait. */
export function heldConversation(request: ReadRequest, subagent: string | null): HeldConversation | null {
  if (!isConversation(request)) return null;
  const body = parse(request);
  const count = messageCount(body);
  const key = count === 0 ? null : prefixKey(body, count, sha256);
  return key === null ? null : { subagent, count, key };
}

/** A request of this run has come: gates that wait for what it goes on from are of no use. Its body is read only where there are such. */
export function noteGoesOn(core: Core, request: ReadRequest, runId: string, subagent: string | null): void {
  if (!isConversation(request)) return;
  let body: unknown;
  core.abandons.goesOn(runId, subagent, (count) => {
    body ??= parse(request);
    return messageCount(body) <= count ? null : prefixKey(body, count, sha256);
  });
}
