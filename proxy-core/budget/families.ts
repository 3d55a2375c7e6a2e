import { matchesModel } from './model-glob.ts';

/**
 * Models appear weekly and the catalogue comes with a release. A name that no list knows is priced like a known model of its
 * family until a list names it, and its cost is marked estimated (behaviour §5). The likeness is one table; where a
 * family's own prices differ, its dearer current model stands for it.
 */

/** A family's names and the catalogue's model that stands for it; null: a name that looks like the family and is not priced by it. */
interface FamilyRow {
  readonly names: string;
  readonly like: { readonly provider: string; readonly model: string } | null;
}

const as = (names: string, provider: string, model: string): FamilyRow => ({ names, like: { provider, model } });
const never = (names: string): FamilyRow => ({ names, like: null });

/** The first row that matches counts. A test compares every model named here with the catalogue. */
export const FAMILIES: readonly FamilyRow[] = [
  // A tag behind a colon is how local servers name what they run; open weights cost what their server asks.
  never('*:*'),
  never('*gpt-oss*'),
  // Billed by other units than text tokens.
  never('*audio*'),
  never('*realtime*'),
  never('*image*'),
  never('*transcribe*'),
  never('*-tts*'),
  never('*embedding*'),
  as('gpt-*-nano*', 'openai', 'gpt-5.4-nano'),
  as('gpt-*-mini*', 'openai', 'gpt-5.4-mini'),
  as('gpt-*-pro*', 'openai', 'gpt-5.5-pro'),
  as('gpt-*', 'openai', 'gpt-5.5'),
  as('codex-*', 'openai', 'gpt-5.5'),
  as('o?-pro*', 'openai', 'o3-pro'),
  as('o?-mini*', 'openai', 'o4-mini'),
  as('claude-*haiku*', 'anthropic', 'claude-haiku-4-5'),
  as('claude-*sonnet*', 'anthropic', 'claude-sonnet-4-6'),
  as('claude-*opus*', 'anthropic', 'claude-opus-5'),
  as('claude-*', 'anthropic', 'claude-fable-5'),
  as('gemini-*flash-lite*', 'google', 'gemini-2.5-flash-lite'),
  as('gemini-*flash*', 'google', 'gemini-3.5-flash'),
  as('gemini-*pro*', 'google', 'gemini-3.1-pro-preview'),
  as('grok-*', 'x-ai', 'grok-4'),
  as('kimi-*', 'moonshotai', 'kimi-k2.5'),
];

/** A family that a name belongs to. */
export interface ModelLikeness {
  /** The glob that matched. */
  readonly names: string;
  readonly provider: string;
  readonly model: string;
}

/** The family of a model's name, also behind a maker's prefix (`openai/gpt-…`), or null. */
export function familyLike(model: string): ModelLikeness | null {
  const bare = model.slice(model.lastIndexOf('/') + 1);
  const row = FAMILIES.find(({ names }) => matchesModel(names, bare));
  return row === undefined || row.like === null ? null : { names: row.names, ...row.like };
}
