import { type ClientKind, dialectOf, type Headers, recogniseClient } from '../runs/client-table.ts';
import type { RequestFacts } from '../wire/format.ts';
import type { RefusalTarget } from '../wire/refusal.ts';
import { endpointOf } from './endpoint.ts';

/** What is known of a request that is refused: at least its head, and what reading its body found out, if it was read. */
export interface RefusedRequest {
  readonly method: string;
  readonly headers: Headers;
  readonly target: { readonly path: string };
  readonly facts?: RequestFacts | null;
  readonly client?: ClientKind | null;
}

/** In whose shape a refusal is put: the wire format, the client's dialect, and whether it waits for a stream. */
export function refusalTarget(request: RefusedRequest, requestId: string): RefusalTarget {
  const { headers, facts = null } = request;
  const endpoint = endpointOf(request.method, request.target.path);
  const anthropic = headers['anthropic-version'] !== undefined;
  return {
    format: endpoint.kind === 'model' || endpoint.kind === 'count' ? endpoint.format : anthropic ? 'messages' : null,
    dialect: dialectOf(request.client ?? recogniseClient(headers)),
    // Before the body has been read only Codex, which always streams, says so in a header.
    stream: facts?.stream ?? headers['accept']?.includes('text/event-stream') === true,
    // A count is no answer, and text in place of JSON that a schema describes would only break its reader.
    wordsAs: endpoint.kind !== 'model' || facts === null || facts.structuredOutput ? null : (facts.model ?? ''),
    requestId,
  };
}
