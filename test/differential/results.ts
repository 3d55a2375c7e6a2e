import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { KINDS } from './cases.ts';
import type { Counts } from './counts.ts';

/** The committed account of a run: what was run, against what, and the counts. */

const SDKS = [
  'openai',
  '@anthropic-ai/sdk',
  'ai',
  '@ai-sdk/openai',
  '@ai-sdk/openai-compatible',
  '@ai-sdk/anthropic',
  '@langchain/core',
  '@langchain/openai',
  '@langchain/anthropic',
];

export interface RunFacts {
  readonly seed: number;
  readonly from: number;
  readonly cases: number;
  readonly seconds: number;
}

/** A section of RESULTS.md. */
export function renderResults({ seed, from, cases, seconds }: RunFacts, counts: Counts): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${cases} cases of seed ${seed} from number ${from}, ${date}, commit ${commit}, ${Math.round(seconds)} s, Node ${process.version}.`,
    `SDKs: ${SDKS.map((name) => `${name} ${versionOf(name)}`).join(', ')}.`,
    counts.table(KINDS),
    '',
  ].join('\n\n');
}

function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
