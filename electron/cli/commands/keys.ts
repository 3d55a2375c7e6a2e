import { resolve } from 'node:path';
import { readKey } from '../../../proxy-core/providers/credentials.ts';
import { isSealed, sealSecret } from '../../../proxy-core/providers/secrets.ts';
import { type Command, command, type Outcome } from '../command.ts';
import { openHiddenPrompt, readPipe } from '../hidden-input.ts';
import { configuredKeys, defaultKeys, type KeyReport, reportKeys } from '../key-report.ts';
import { escapeCell } from '../output.ts';
import { isTaken, writePrivateFile } from '../private-file.ts';

const seal = command({
  name: 'keys seal',
  operands: ['FILE'],
  about: 'Seal a provider’s key into a file, under a passphrase. The key is read from standard input, unseen.',
  options: { force: { type: 'boolean', about: 'Replace the file.' } },
  async run({ operands: [name = ''], options: { force }, env }) {
    const file = resolve(name);
    if (!force && (await isTaken(file))) return taken(file);
    const given = await readSecrets(env['RUNGATE_PASSPHRASE'] ?? '');
    if (given.kind === 'failed') return given;
    const found = isSealed(given.key) ? null : readKey(given.key, 'What was given');
    if (found === null) return failed('key_invalid', 'What was given is sealed already.', 'Give the key itself.');
    if (found.kind !== 'found') {
      return failed('key_invalid', found.problem, 'Give the key alone, on one line.');
    }
    const written = await writePrivateFile(file, await sealSecret(found.key, given.passphrase), force);
    switch (written.kind) {
      case 'exists':
        return taken(file);
      case 'unwritable':
        return failed('file_unwritable', `${file} cannot be written: ${written.why}.`, 'Give another file.');
      case 'written':
        return { kind: 'printed', json: { file, reference: `file:${file}` }, text: renderSealed(file) };
    }
  },
});

const renderSealed = (file: string): string =>
  [
    `Sealed into ${file}, which only you can read.`,
    `Name it in the configuration as  key: file:${file}`,
    'and start Rungate with the passphrase in RUNGATE_PASSPHRASE.',
  ].join('\n');

type Failed = Extract<Outcome, { kind: 'failed' }>;

const failed = (code: string, message: string, hint: string): Failed => ({ kind: 'failed', code, message, hint });

const taken = (file: string): Failed =>
  failed('file_exists', `${file} exists already.`, 'Give another file, or replace it with --force.');

const cancelled = (): Failed => failed('cancelled', 'Nothing was sealed.', 'Run the command again.');

type GivenSecrets = { readonly kind: 'given'; readonly key: string; readonly passphrase: string } | Failed;

/** The key and its passphrase; `known` is the passphrase of the environment, or empty. */
async function readSecrets(known: string): Promise<GivenSecrets> {
  if (process.stdin.isTTY) return askSecrets(known);
  if (known === '') {
    const hint = 'Set RUNGATE_PASSPHRASE, or run this in a terminal without a pipe and be asked.';
    return failed('passphrase_missing', 'There is no passphrase to seal the key with.', hint);
  }
  const key = await readPipe(process.stdin);
  if (key !== null) return { kind: 'given', key, passphrase: known };
  return failed('key_invalid', 'What was given is too large to be a key.', 'Give the key alone, on one line.');
}

async function askSecrets(known: string): Promise<GivenSecrets> {
  const prompt = openHiddenPrompt(process.stdin, process.stderr);
  try {
    const key = await prompt.ask('Key (it is not shown): ');
    if (key === null) return cancelled();
    if (known !== '') return { kind: 'given', key, passphrase: known };
    const passphrase = await prompt.ask('Passphrase: ');
    if (passphrase === null || passphrase === '') return cancelled();
    const again = await prompt.ask('Passphrase again: ');
    if (again === null) return cancelled();
    if (again === passphrase) return { kind: 'given', key, passphrase };
    return failed('passphrase_differs', 'The two passphrases differ; nothing was sealed.', 'Run the command again.');
  } finally {
    prompt.close();
  }
}

const check = command({
  name: 'keys check',
  operands: [],
  about: 'Say whether every key can be found from this terminal, as a core started here would find it; none is shown.',
  options: {
    config: {
      type: 'string',
      value: 'FILE',
      about: 'The keys of this configuration (else of the built-in providers).',
    },
  },
  async run({ options: { config }, env }) {
    if (config === undefined) {
      const keys = await reportKeys(defaultKeys(), null, env);
      // Of the built-in providers one with a key is all that a person needs.
      return printReport(keys, keys.some(isFound));
    }
    const { configurationFailure, readConfiguration } = await import('../configuration-file.ts');
    const parsed = await readConfiguration(config);
    if (parsed.kind === 'failed') return parsed;
    if (parsed.kind === 'problems') return configurationFailure(parsed);
    const keys = await reportKeys(configuredKeys(parsed.value), config, env);
    return printReport(
      keys,
      keys.every(({ state }) => state !== 'missing'),
    );
  },
});

const isFound = ({ state }: KeyReport): boolean => state === 'found';

function printReport(keys: readonly KeyReport[], ok: boolean): Outcome {
  const text = keys.length === 0 ? 'No key is needed.' : keys.map(renderReport).join('\n');
  return { kind: 'printed', json: { ok, keys }, text, exitCode: ok ? 0 : 1 };
}

function renderReport({ name, reference, state, problem }: KeyReport): string {
  const line = `${state.padEnd(7)}  ${name}: ${escapeCell(reference)}`;
  return problem === null ? line : `${line}\n         ${escapeCell(problem)}`;
}

/** Provider keys: sealing one into a file, and whether all can be found. */
export const keyCommands: readonly Command[] = [seal, check];
