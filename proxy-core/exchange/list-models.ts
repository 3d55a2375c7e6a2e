import { type Failure, failure } from '../contract/failures.ts';
import { answerHeaders, upstreamHeaders } from '../providers/headers.ts';
import { createKeyMask, maskHeaders } from '../providers/key-mask.ts';
import { upstreamPath } from '../providers/provider.ts';
import { heldBack } from './admit.ts';
import { chooseRoute, keyOf } from './choose-route.ts';
import type { Core } from './core.ts';
import { deliverRefusal } from './deliver.ts';
import { isRedirect, redirected } from './forward.ts';
import { answerMerged } from './merge-models.ts';
import type { AgentReply } from './reply.ts';
import { type AgentRequest, readRequest } from './request.ts';

/**
 * `GET /v1/models`: merged from all providers or forwarded with the right credential, but part of no run: clients ask for it at start-up, before
 * they have a session, and it costs nothing.
 */
export async function listModels(core: Core, request: AgentRequest, reply: AgentReply): Promise<void> {
  const unknown = { exchangeId: null, runId: null, policy: null };
  const reading = readRequest(request);
  if (reading.kind === 'refused') return deliverRefusal(reply, request, { ...unknown, failure: reading.failure });
  const held = heldBack(core);
  if (held !== null) return deliverRefusal(reply, request, { ...unknown, failure: held });
  const merged = request.target.path === '/v1/models' && (await answerMerged(core, reading.request, reply));
  if (merged === true) return;
  if (merged !== false) return deliverRefusal(reply, request, { ...unknown, failure: merged });
  const route = await chooseRoute(core, reading.request);
  if ('code' in route) return deliverRefusal(reply, request, { ...unknown, failure: route });
  let refused: Failure | null = null;
  const key = keyOf(route);
  const mask = createKeyMask(key);
  await new Promise<void>((resolve) => {
    const call = core.upstreamOf(route.provider).send(
      {
        provider: route.provider,
        method: 'GET',
        path: upstreamPath(route.provider, request.target.path, request.target.query) ?? request.target.path,
        headers: upstreamHeaders(request.rawHeaders, { credential: route.credential, bodyDecoded: false }),
        body: null,
      },
      {
        onHeaders: (status, headers) => {
          if (isRedirect(status)) {
            refused = redirected();
            return call.abort('redirect');
          }
          reply.head(status, answerHeaders(maskHeaders(headers, key), { bodyChanged: false }));
        },
        onData: (chunk) => reply.write(mask?.push(chunk) ?? chunk),
        onEnd: () => {
          if (mask !== null) reply.write(mask.end());
          reply.end();
          resolve();
        },
        onError: (error) => {
          const { phase } = error;
          const reason = refused ?? failure('upstream_unreachable', 'The provider could not be reached.', { phase }, 5);
          if (reply.headSent) reply.cut(null);
          else deliverRefusal(reply, request, { ...unknown, failure: reason });
          resolve();
        },
      },
    );
    reply.onDrain(() => call.resume());
    reply.onGone(() => call.abort('agent'));
  });
}
