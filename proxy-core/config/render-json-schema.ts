import { z } from 'zod';
import { configuration } from './schema.ts';

/** The JSON Schema (draft 2020-12) of what a person writes in the configuration file, for editors and documentation. */
export function configurationJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: 'Rungate configuration', ...z.toJSONSchema(configuration, { io: 'input', target: 'draft-2020-12' }) };
}
