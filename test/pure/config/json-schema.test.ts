import { describe, expect, it } from 'vitest';
import { configurationJsonSchema } from '../../../proxy-core/config/render-json-schema.ts';

type Node = Readonly<Record<string, unknown>>;

/** Every property of the schema with its dotted place, through lists, maps and alternatives. */
function propertiesOf(node: Node, at = ''): [string, Node][] {
  const inner = (value: unknown, place: string) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? propertiesOf(value as Node, place) : [];
  const own = Object.entries((node['properties'] ?? {}) as Record<string, Node>);
  return [
    ...own.flatMap(([name, child]): [string, Node][] => [
      [`${at}.${name}`, child],
      ...propertiesOf(child, `${at}.${name}`),
    ]),
    ...inner(node['items'], `${at}[]`),
    ...inner(node['additionalProperties'], `${at}.*`),
  ];
}

const schema = configurationJsonSchema();
const properties = propertiesOf(schema);

describe('the JSON Schema of the configuration', () => {
  it('has the keys of the documented example that this version reads', () => {
    const places = properties.map(([place]) => place);
    expect(places).toEqual(
      expect.arrayContaining([
        '.providers[].base_url',
        '.providers[].key',
        '.teams[].budget.window',
        '.agents[].budget.run_usd',
        '.agents[].delivery',
        '.agents[].token',
        '.policies',
        '.prices.*.input_per_mtok',
        '.channels.webhook[].events',
        '.limits.idle_window_minutes',
      ]),
    );
  });

  it('describes every key of its own', () => {
    const silent = properties.filter(
      ([place, node]) => !place.startsWith('.prices.*') && node['description'] === undefined,
    );
    expect(silent.map(([place]) => place)).toEqual([]);
  });

  it('refuses unknown keys at every level', () => {
    const maps = [['', schema] as const, ...properties].filter(([, node]) => node['properties'] !== undefined);
    expect(maps.filter(([, node]) => node['additionalProperties'] !== false).map(([place]) => place)).toEqual([]);
  });

  it('asks for no key that has a default', () => {
    expect(schema['required']).toBeUndefined();
  });
});
