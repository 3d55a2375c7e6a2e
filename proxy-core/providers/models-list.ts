import type { WireFormat } from '../contract/records.ts';
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

/**
 * Who answers `GET /v1/models` (model null) or `GET /v1/models/{id}`: the first provider of the client's family,
 * serving that model if one is named. Lists are not merged: each is the answer of one provider. Null if none fits.
 */
export function chooseModelsProvider(
  providers: readonly Provider[],
  rawHeaders: readonly string[],
  model: string | null,
): Provider | null {
  const formats = FAMILY_FORMATS[asksAnthropic(rawHeaders) ? 'anthropic' : 'openai'];
  return (
    providers.find((each) => each.formats.some((format) => formats.includes(format)) && servesModel(each, model)) ??
    null
  );
}

/** Whether a provider's own list is asked for as Anthropic's clients do: it speaks nothing but their protocol. */
export const listsForAnthropic = ({ formats }: Provider): boolean => formats.every((format) => format === 'messages');
