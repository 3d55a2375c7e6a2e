import { writeFileSync } from 'node:fs';
import { renderRunExportSchema } from '../proxy-core/audit/export/json-schema.ts';

/** Write the published JSON Schemas anew from the code they describe: `node build/write-schemas.ts && biome format --write build/schemas`. */
writeFileSync(new URL('schemas/run-export-1.schema.json', import.meta.url), renderRunExportSchema());
