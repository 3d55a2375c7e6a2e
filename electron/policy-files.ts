import { resolve } from 'node:path';
import type { RungateOptions } from '../proxy-core/index.ts';
import { readTextFile } from './text-file.ts';

type PolicyDocuments = RungateOptions['policyDocuments'];

/**
 * Read the policy files of a configuration; relative paths are relative to `folder`. Rejects with an Error that
 * carries a `hint` when one cannot be read.
 */
export async function readPolicies(paths: readonly string[], folder: string): Promise<PolicyDocuments> {
  return Promise.all(paths.map((path) => readPolicy(resolve(folder, path))));
}

async function readPolicy(path: string): Promise<PolicyDocuments[number]> {
  const file = await readTextFile(path);
  if (file.kind === 'text') return { path, text: file.text };
  throw Object.assign(new Error(`The policy file ${path} cannot be read: ${file.why}.`), {
    code: 'policy_unreadable',
    hint: 'Correct its path under policies in the configuration.',
  });
}
