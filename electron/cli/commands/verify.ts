import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { anchorFileIn, defaultAnchorFolder } from '../../../proxy-core/signing/anchor.ts';
import { readAnchor } from '../../../proxy-core/signing/read-anchor.ts';
import { findPublicKey } from '../../../proxy-core/signing/signing-key.ts';
import { verifyExport } from '../../../proxy-core/signing/verify-export.ts';
import { type AnchorText, verifyStore } from '../../../proxy-core/signing/verify-store.ts';
import { openReader } from '../../../proxy-core/store/reader.ts';
import { command, type Invocation, type Options, type Outcome } from '../command.ts';
import { storeFile } from '../home.ts';

/** Works without a running core and beside one; asks nobody, changes nothing. */
export const verify = command({
  name: 'verify',
  operands: ['[FILE]'],
  about: 'Check an exported file, or without FILE this home’s whole audit; names the first broken record.',
  options: {
    key: { type: 'string', value: 'FINGERPRINT', about: 'Trust this key instead of this home’s own.' },
    anchor: { type: 'string', value: 'FILE', about: 'Also compare the audit with this anchor file.' },
  },
  async run(invocation) {
    const { operands, options, home } = invocation;
    const given = options.key?.trim();
    const named = given === undefined || given.startsWith('SHA256:') ? given : `SHA256:${given}`;
    try {
      const trustedKey = named ?? findPublicKey(home)?.fingerprint ?? null;
      const [file] = operands;
      return file === undefined
        ? checkStore(invocation, trustedKey, options.anchor)
        : checkFile(resolve(file), trustedKey);
    } catch (error) {
      return unreadable(error);
    }
  },
});

function checkFile(file: string, trustedKey: string | null): Outcome {
  const verdict = verifyExport(file, trustedKey);
  const head = verdict.ok ? 'Genuine' : verdict.broken === null ? 'Unknown signer' : 'Not genuine';
  const json = { file, ...verdict };
  return { kind: 'printed', json, text: `${head}: ${file}\n${verdict.detail}`, exitCode: verdict.ok ? 0 : 1 };
}

function checkStore(
  { home, env, note }: Invocation<Options>,
  trustedKey: string | null,
  anchorFile: string | undefined,
): Outcome {
  const path = storeFile(home);
  if (!existsSync(path))
    return {
      kind: 'failed',
      code: 'not_found',
      message: `There is no store in ${home}.`,
      hint: 'Name another home folder with --home, or a file to verify.',
    };
  const anchors = [...defaultAnchor(path, env), ...(anchorFile === undefined ? [] : [requiredAnchor(anchorFile)])];
  let said = 0;
  const verdict = verifyStore({ path, trustedKey, anchors }, (records) => {
    if (records - said < 100_000) return;
    said = records;
    note(`${records.toLocaleString('en-GB')} records\n`);
  });
  const head = verdict.ok ? 'Whole' : verdict.broken === null ? 'Not proven' : 'Broken';
  return {
    kind: 'printed',
    json: { store: path, ...verdict },
    text: `${head}: ${path}\n${verdict.detail}`,
    exitCode: verdict.ok ? 0 : 1,
  };
}

/** The anchor that is written where nothing else is configured, if it is there. */
function defaultAnchor(path: string, env: NodeJS.ProcessEnv): readonly AnchorText[] {
  const { read, close } = openReader(path, Date.now);
  try {
    const installation = read.installation();
    const file = installation === null ? null : anchorFileIn(defaultAnchorFolder(env), installation);
    return file !== null && existsSync(file) ? [readAnchor(file)] : [];
  } finally {
    close();
  }
}

function requiredAnchor(file: string): AnchorText {
  const path = resolve(file);
  if (!existsSync(path)) throw new Error(`there is no anchor file ${path}`);
  return readAnchor(path);
}

const unreadable = (error: unknown): Outcome => ({
  kind: 'failed',
  code: 'not_readable',
  message: `It cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
});
