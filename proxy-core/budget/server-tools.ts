/**
 * Prices of calls of tools that the provider runs and bills itself. Wire formats name them freely
 * (`web_search_20250305`, `web_search_call`, `web_search_requests`); each has one canonical name here.
 */

/** Canonical tool name → the catalogue's price key, USD per 1,000 calls. */
export const CATALOGUE_TOOLS: Readonly<Record<string, string>> = {
  web_search: 'web_searches_kcount',
  file_search: 'storage_searches_kcount',
  code_execution: 'code_executions_kcount',
  x_search: 'social_searches_kcount',
};

const CANONICAL: Readonly<Record<string, string>> = { code_interpreter: 'code_execution' };

/**
 * USD per call where no price is configured. Free beyond their tokens by the providers' price pages: Anthropic's web
 * fetch, OpenAI's remote MCP. The dearest image OpenAI sells per call costs $0.25; every other per-call fee
 * published (searches, code sessions) is at most $0.05.
 */
const WITHOUT_PRICE: Readonly<Record<string, number>> = { web_fetch: 0, mcp: 0, image_generation: 0.25 };
const ANY_OTHER = 0.05;

const own = (table: Readonly<Record<string, number>>, key: string): number | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** Longer names are nobody's. Threat: they come from answers, and finding suffixes takes quadratic time. */
const LONGEST_NAME = 200;

/** The canonical name of a provider's tool: version dates and the suffixes of items and counters removed. */
export function canonicalTool(name: string): string {
  if (name.length > LONGEST_NAME) return name;
  const bare = name.toLowerCase().replace(/(_\d{6,8}|_preview|_calls?|_requests|_list_tools)+$/, '');
  return Object.hasOwn(CANONICAL, bare) ? (CANONICAL[bare] ?? bare) : bare;
}

/** USD per call of a provider's tool under some configured prices; `estimated` when they do not name it. */
export function serverToolPrice(
  prices: Readonly<Record<string, number>>,
  name: string,
): { readonly usd: number; readonly estimated: boolean } {
  const canonical = canonicalTool(name);
  const configured = own(prices, name) ?? own(prices, canonical);
  if (configured !== undefined) return { usd: configured, estimated: false };
  return { usd: own(WITHOUT_PRICE, canonical) ?? ANY_OTHER, estimated: true };
}
