import { type Failure, failure } from '../contract/failures.ts';
import { toolProvider } from '../providers/check-only.ts';
import type { CredentialRule } from '../providers/headers.ts';
import { chooseModelsProvider } from '../providers/models-list.ts';
import { chooseProvider, type Provider, upstreamPath } from '../providers/provider.ts';
import type { Core } from './core.ts';
import type { AgentRequest, ReadRequest } from './request.ts';

/** Who answers a call, and with whose credential. */
export interface Route {
  readonly provider: Provider;
  readonly credential: CredentialRule;
}

/** The key that is attached on this route, to be blanked out of an answer that repeats it. */
export const keyOf = ({ credential }: Route): string | null =>
  credential.kind === 'inject' ? (credential.key?.reveal() ?? null) : null;

/** The route of a call, or why there is none. The provider comes from the configuration only, never from the request. */
export async function chooseRoute(core: Core, request: ReadRequest): Promise<Route | Failure> {
  const { endpoint, facts } = request;
  if (endpoint.kind === 'tool') {
    const provider = toolProvider(endpoint.name, core.tools.get(endpoint.name) ?? null);
    return { provider, credential: { kind: 'inject', auth: 'bearer', key: null } };
  }
  const model = facts?.model ?? null;
  if (endpoint.kind === 'models') return routeOfModels(core, request, modelOf(endpoint.path));
  const provider =
    endpoint.kind === 'model' || endpoint.kind === 'count'
      ? chooseProvider(core.providers, endpoint.format, model)
      : chooseModelsProvider(core.providers, request.rawHeaders, null);
  return provider === null ? noProvider(request, model) : routeTo(core, request, provider);
}

/** The first provider of the client's family that has a key: one that nobody has set up yet must not hide the others. */
async function routeOfModels(core: Core, request: ReadRequest, model: string | null): Promise<Route | Failure> {
  let left = core.providers;
  let firstRefusal: Failure | null = null;
  for (;;) {
    const provider = chooseModelsProvider(left, request.rawHeaders, model);
    if (provider === null) return firstRefusal ?? noProvider(request, model);
    const route = await routeTo(core, request, provider);
    if (!('code' in route) || route.code !== 'provider_unavailable') return route;
    firstRefusal ??= route;
    left = left.filter((other) => other !== provider);
  }
}

const modelOf = (path: string): string | null => {
  const name = path.slice('/v1/models'.length + 1);
  return name === '' ? null : name;
};

function noProvider(request: AgentRequest, model: string | null): Failure {
  const wanted = model === null ? request.target.path : `model ${model.slice(0, 80)} at ${request.target.path}`;
  return failure('provider_unavailable', `No configured provider answers ${wanted}.`, {
    model,
    endpoint: request.target.path,
    recover: 'Add the model to a provider’s models in the configuration, or use another model.',
  });
}

/** The route to one provider, or why it cannot be taken: its key is missing, the target is not plain. */
export async function routeTo(core: Core, request: AgentRequest, provider: Provider): Promise<Route | Failure> {
  if (upstreamPath(provider, request.target.path, request.target.query) === null) {
    return failure('invalid_request', 'The path is not a plain one.', {
      recover: 'Remove dot segments and backslashes.',
    });
  }
  if (request.target.query.includes('rg_agt_')) {
    return failure('invalid_request', 'The agent token must not stand in the URL: URLs are logged on their way.', {
      recover: 'Send it as Authorization: Bearer, x-api-key or x-rungate-token.',
    });
  }
  if (request.credential === 'pass') return { provider, credential: { kind: 'pass' } };
  const found = await core.credentials.find(provider.key);
  if (found.kind === 'missing') {
    return failure('provider_unavailable', `Provider ${provider.id} has no key. ${found.problem}`, {
      provider: provider.id,
      recover: 'Set the key, or send your own with the agent token in x-rungate-token.',
    });
  }
  return {
    provider,
    credential: { kind: 'inject', auth: provider.auth, key: found.kind === 'found' ? found.key : null },
  };
}
