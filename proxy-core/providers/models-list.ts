import type { WireFormat } from '../contract/records.ts';
import type { ModelListFamily, ModelPage } from '../wire/model-list.ts';
import { type Provider, servesModel } from './provider.ts';

/** The two families of clients that ask `GET /v1/models`; the header tells them apart (OpenAI's SDKs never send it). */
const FAMILY_FORMATS: Readonly<Record<'anthropic' | 'openai', readonly WireFormat[]>> = {
  anthropic: ['messages'],
  openai: ['chat', 'responses', 'completions', 'embeddings'],
};

/** Whether flat raw request headers come from an Anthropic client: they carry `anthropic-version`. */
export function asksAnthropic(rawHeaders: readonly string[]): boolean {
  return rawHeaders.some((text, index) => index % 2 === 0 && text.toLowerCase() === 'anthropic-version');
}

/** The providers of the family that asks, in the operator's order. */
export function modelsProviders(providers: readonly Provider[], rawHeaders: readonly string[]): readonly Provider[] {
  const formats = FAMILY_FORMATS[asksAnthropic(rawHeaders) ? 'anthropic' : 'openai'];
  return providers.filter((each) => each.formats.some((format) => formats.includes(format)));
}

/**
 * Who answers `GET /v1/models` (model null) or `GET /v1/models/{id}`: the first provider of the client's family,
 * serving that model if one is named: where lists are not merged (`exchange/merge-models.ts`). Null if none fits.
 */
export function chooseModelsProvider(
  providers: readonly Provider[],
  rawHeaders: readonly string[],
  model: string | null,
): Provider | null {
  return modelsProviders(providers, rawHeaders).find((each) => servesModel(each, model)) ?? null;
}

/** Whether a provider's own list is asked for as Anthropic's clients do: it speaks nothing but their protocol. */
export const listsForAnthropic = ({ formats }: Provider): boolean => formats.every((format) => format === 'messages');

const MOST = 1000;
const ANTHROPIC_DEFAULT = 20;

/** Read the query (with its `?`, or empty). */
export function readModelPage(query: string, family: ModelListFamily): ModelPage | null {
  const asked = new URLSearchParams(query);
  const known = family === 'anthropic' ? ['limit', 'after_id', 'before_id'] : [];
  if ([...asked.keys()].some((key) => !known.includes(key))) return null;
  const limit = asked.get('limit') ?? String(ANTHROPIC_DEFAULT);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST) return null;
  return {
    limit: family === 'openai' ? Number.POSITIVE_INFINITY : Number(limit),
    afterId: asked.get('after_id'),
    beforeId: asked.get('before_id'),
  };
}
