import type { Failure } from '../contract/failures.ts';
import { upstreamHeaders } from '../providers/headers.ts';
import { withoutKey } from '../providers/key-mask.ts';
import { asksAnthropic, listsForAnthropic, modelsProviders, readModelPage } from '../providers/models-list.ts';
import { servesModel, upstreamPath } from '../providers/provider.ts';
import { type ListedModels, mergeModelLists, readModelList, renderModelList } from '../wire/model-list.ts';
import { keyOf, type Route, routeTo } from './choose-route.ts';
import type { Core } from './core.ts';
import { isRedirect, redirected } from './forward.ts';
import type { AgentReply } from './reply.ts';
import type { ReadRequest } from './request.ts';

/** A provider that has not listed its models by then is left out, ms. */
const PATIENCE_MS = 5000;
const MOST_BYTES = 8 * 1_048_576;
const REDIRECTED = 'it answered with a redirect';
const WHOLE = '?limit=1000';

type Listing = ListedModels | { readonly provider: string; readonly skipped: string };

/**
 * `GET /v1/models` from all providers of the asking family. False, with nothing sent: it is no case for merging (one
 * provider for everything, a query that only the provider knows, the client's own credential, which belongs to one
 * provider alone) or nobody gave a list, so that the first provider's own answer says more. A failure: there were
 * redirects and no list; nobody is asked again.
 */
export async function answerMerged(core: Core, request: ReadRequest, reply: AgentReply): Promise<boolean | Failure> {
  const family = asksAnthropic(request.rawHeaders) ? 'anthropic' : 'openai';
  const page = readModelPage(request.target.query, family);
  const providers = modelsProviders(core.providers, request.rawHeaders);
  const sole = providers.length === 1 && providers[0]?.models.includes('*') === true;
  if (page === null || sole || request.credential === 'pass') return false;
  const listings = await Promise.all(
    providers.map(async (provider): Promise<Listing> => {
      const route = await routeTo(core, request, provider);
      return 'code' in route
        ? { provider: provider.id, skipped: 'it has no key' }
        : askFor(core, request, route, reply);
    }),
  );
  const lists = listings.filter((each) => 'items' in each);
  // The built-in demo's list must not hide that the providers themselves answered with an error.
  const builtIn = new Set(providers.filter(({ kind }) => kind === 'demo').map(({ id }) => id));
  const answeredBadly = listings.some((each) => 'skipped' in each && each.skipped.startsWith('it answered'));
  if (lists.every(({ provider }) => builtIn.has(provider)) && (lists.length === 0 || answeredBadly))
    return listings.some((each) => 'skipped' in each && each.skipped === REDIRECTED) ? redirected() : false;
  const skipped = listings.flatMap((each) => ('skipped' in each ? [`${each.provider}: ${each.skipped}`] : []));
  if (skipped.length > 0) core.log.info('models.skipped', { providers: skipped });
  const body = Buffer.from(renderModelList(mergeModelLists(lists, family), page, family));
  const note = skipped.length === 0 ? [] : ['x-rungate-models-skipped', skipped.join('; ')];
  reply.head(200, ['content-type', 'application/json', 'content-length', String(body.length), ...note]);
  reply.write(body);
  reply.end();
  return true;
}

/** One provider's list. Never rejects: whoever gives none is left out, with the reason. */
function askFor(core: Core, request: ReadRequest, route: Route, reply: AgentReply): Promise<Listing> {
  const { provider, credential } = route;
  const { promise, resolve } = Promise.withResolvers<Listing>();
  const skip = (skipped: string): void => resolve({ provider: provider.id, skipped });
  const chunks: Buffer[] = [];
  let size = 0;
  const call = core.upstreamOf(provider).send(
    {
      provider,
      method: 'GET',
      path: upstreamPath(provider, '/v1/models', listsForAnthropic(provider) ? WHOLE : '') ?? '/v1/models',
      headers: upstreamHeaders(request.rawHeaders, { credential, bodyDecoded: false }),
      body: null,
    },
    {
      onHeaders(status) {
        if (isRedirect(status)) skip(REDIRECTED);
        else if (status !== 200) skip(`it answered ${status}`);
      },
      onData(chunk) {
        size += chunk.length;
        if (size <= MOST_BYTES) chunks.push(chunk);
        else skip('its list is too large');
        return true;
      },
      onEnd() {
        const items = readModelList(withoutKey(Buffer.concat(chunks), keyOf(route)).toString());
        if (items === null) return skip('it gave no list of models');
        resolve({ provider: provider.id, items: items.filter(({ id }) => servesModel(provider, id)) });
      },
      onError: () => skip('it could not be reached'),
    },
  );
  const late = setTimeout(() => skip('it did not answer in time'), PATIENCE_MS);
  reply.onGone(() => call.abort('agent'));
  return promise.finally(() => {
    clearTimeout(late);
    call.abort('listed');
  });
}
