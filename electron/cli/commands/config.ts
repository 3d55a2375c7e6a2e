import { type Command, command } from '../command.ts';

// The schema brings the price catalogue with it, which no other command should wait for: hence the late imports.

const check = command({
  name: 'config check',
  operands: ['FILE'],
  about: 'Check a configuration file; problems are listed with their lines.',
  options: {},
  async run({ operands: [file = ''] }) {
    const { readConfiguration, renderProblems } = await import('../configuration-file.ts');
    const parsed = await readConfiguration(file);
    switch (parsed.kind) {
      case 'failed':
        return parsed;
      case 'configuration':
        return { kind: 'printed', json: { file, ok: true, problems: [] }, text: `${file} is a valid configuration.` };
      case 'problems':
        return {
          kind: 'printed',
          json: { file, ok: false, problems: parsed.problems },
          text: renderProblems(file, parsed.problems),
          exitCode: 1,
        };
    }
  },
});

const schema = command({
  name: 'config schema',
  operands: [],
  about: 'Print the JSON Schema of the configuration file, for editors.',
  options: {},
  async run() {
    const { configurationJsonSchema } = await import('../../../proxy-core/config/render-json-schema.ts');
    const document = configurationJsonSchema();
    return { kind: 'printed', json: document, text: JSON.stringify(document, null, 2) };
  },
});

/** The configuration file, without a core. */
export const configCommands: readonly Command[] = [check, schema];
