import { type Headers, recogniseClient } from '../runs/clients.ts';
import type { RefusalTarget } from '../wire/refusal.ts';
import { endpointOf } from './endpoint.ts';

/** In whose shape a refusal is put: the wire format, the client's dialect, and whether it waits for a stream. */
export function refusalTarget(
  request: { readonly method: string; readonly headers: Headers; readonly target: { readonly path: string } },
  requestId: string,
): RefusalTarget {
  const { headers } = request;
  const endpoint = endpointOf(request.method, request.target.path);
  const client = recogniseClient(headers);
  const anthropic = headers['anthropic-version'] !== undefined;
  return {
    format: endpoint.kind === 'model' || endpoint.kind === 'count' ? endpoint.format : anthropic ? 'messages' : null,
    dialect: client === 'claude-code' || client === 'codex' ? client : null,
    // Codex always streams and says so here; for everyone else the answer to a refused stream is plain JSON.
    stream: headers['accept']?.includes('text/event-stream') === true,
    requestId,
  };
}
