/** Items with their place as key, for lists whose items have no other name and never move. */
export const numbered = <T>(items: readonly T[]): readonly { readonly key: number; readonly item: T }[] =>
  items.map((item, key) => ({ key, item }));
