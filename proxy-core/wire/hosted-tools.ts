import type { AtProvider, DeclaredTool } from './format.ts';

/**
 * Which tools may have run at the provider: those that the request declares so, and others under no name of the client's own, because
 * a hosted tool brings companions (a search that runs code). Without any hosted tool there is none.
 */
export function hostedAmong(declared: readonly DeclaredTool[]): AtProvider {
  const hosted = declared.filter((tool) => tool.kind === 'server');
  const names = new Set(hosted.map((tool) => tool.name));
  const namespaces = new Set(hosted.flatMap((tool) => tool.namespace ?? []));
  const local = new Set(declared.filter((tool) => tool.kind !== 'server').map((tool) => tool.name));
  return ({ name, namespace }) =>
    hosted.length > 0 &&
    (names.has(name) || (namespace !== undefined && namespaces.has(namespace)) || !local.has(name));
}
