/** Lists of models: reading the two shapes in which providers give them, and writing one of many. */

/** Whose clients ask: it decides the shape of the answer. */
export type ModelListFamily = 'openai' | 'anthropic';

type Item = Readonly<Record<string, unknown>> & { readonly id: string };

/** The models of a provider's answer, or null when it is no list of models. Entries without an id are left out. */
export function readModelList(text: string): readonly Item[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const data = typeof value === 'object' && value !== null && 'data' in value ? value.data : null;
  return Array.isArray(data) ? data.filter(isItem) : null;
}

const isItem = (item: unknown): item is Item =>
  typeof item === 'object' && item !== null && 'id' in item && typeof item.id === 'string';

/** One provider's models, as it lists them and only those that it is configured to serve. */
export interface ListedModels {
  readonly provider: string;
  readonly items: readonly Item[];
}

/** One list of all, in the family's shape: a model that several list is the first's. */
export function mergeModelLists(lists: readonly ListedModels[], family: ModelListFamily): readonly Item[] {
  const merged = new Map<string, Item>();
  for (const { provider, items } of lists)
    for (const item of items) if (!merged.has(item.id)) merged.set(item.id, SHAPES[family](item, provider));
  return [...merged.values()];
}

const SHAPES: Readonly<Record<ModelListFamily, (item: Item, provider: string) => Item>> = {
  openai: (item, provider) =>
    item['object'] === 'model'
      ? item
      : { id: item.id, object: 'model', created: Math.floor(createdMs(item) / 1000), owned_by: provider },
  anthropic: (item) =>
    item['type'] === 'model'
      ? item
      : { type: 'model', id: item.id, display_name: item.id, created_at: new Date(createdMs(item)).toISOString() },
};

/** Epoch ms; 0 when it is not said. */
function createdMs({ created, created_at: at }: Item): number {
  const ms = typeof created === 'number' ? created * 1000 : typeof at === 'string' ? Date.parse(at) : 0;
  return Number.isFinite(ms) && Math.abs(ms) < 8e15 ? ms : 0;
}

/** Which part of the list is asked for; null: with words that are not known here. OpenAI's clients ask for all. */
export interface ModelPage {
  readonly limit: number;
  readonly afterId: string | null;
  readonly beforeId: string | null;
}

/** The answer's body: the page of the merged list, in the family's frame. A cursor that is not in the list begins anew. */
export function renderModelList(all: readonly Item[], page: ModelPage, family: ModelListFamily): string {
  if (family === 'openai') return JSON.stringify({ object: 'list', data: all });
  const { items, more } = pageOf(all, page);
  return JSON.stringify({
    data: items,
    has_more: more,
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
  });
}

function pageOf(all: readonly Item[], { limit, afterId, beforeId }: ModelPage) {
  if (beforeId !== null) {
    const end = all.findIndex(({ id }) => id === beforeId);
    const before = all.slice(0, Math.max(0, end));
    return { items: before.slice(-limit), more: before.length > limit };
  }
  const rest = all.slice(all.findIndex(({ id }) => id === afterId) + 1);
  return { items: rest.slice(0, limit), more: rest.length > limit };
}
