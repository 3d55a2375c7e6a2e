import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import type { PolicyRecord } from '../../../proxy-core/contract/records.ts';
import { readTextFile } from '../../text-file.ts';
import { type Command, command, type Outcome, printed, refused } from '../command.ts';
import { readJsonFile, unreadableFile } from '../json-file.ts';
import { renderRecord, renderTable, renderTime } from '../output.ts';
import { readTestRequest, renderTest } from '../policy-test.ts';

const apply = command({
  name: 'policies apply',
  operands: ['FILE'],
  about: 'Make a policy file the newest version; problems are listed with their lines.',
  options: { note: { type: 'string', value: 'TEXT', required: true, about: 'What changed and why.' } },
  async run({ operands: [file = ''], options: { note }, call }) {
    const read = await readTextFile(file);
    if (read.kind === 'unreadable') return unreadableFile(file, read.why);
    return showApplied(file, await call('policies.apply', { document: read.text, file_name: file, note }));
  },
});

const list = command({
  name: 'policies list',
  operands: [],
  about: 'List the policies with all their versions.',
  options: {},
  async run({ call }) {
    return printed(await call('policies.list', {}), ({ policies }) => ({
      json: renderRecord({ policies }),
      text: renderPolicies(policies),
    }));
  },
});

const show = command({
  name: 'policies show',
  operands: ['NAME[@V]'],
  about: 'Print a policy as it was applied: its newest version, or NAME@VERSION.',
  options: {},
  async run({ operands: [policy = ''], call }) {
    return printed(await call('policies.show', { policy }), ({ policy: found }) => ({
      json: renderRecord({ policy: found }),
      text: found.document.replace(/\n$/, ''),
    }));
  },
});

const diff = command({
  name: 'policies diff',
  operands: ['A', 'B'],
  about: 'Say what changed from one version to another.',
  options: {},
  async run({ operands: [a = '', b = ''], call }) {
    return printed(await call('policies.diff', { a, b }), (found) => ({
      json: found,
      text: found.changes.length === 0 ? `${found.a} and ${found.b} say the same.` : found.text,
    }));
  },
});

const test = command({
  name: 'policies test',
  operands: ['NAME'],
  about: 'Say what a policy makes of a request and its tool calls, and why; nothing is sent.',
  options: {
    request: {
      type: 'string',
      value: 'FILE',
      required: true,
      about: 'A request body (JSON), or {"path": …, "body": …, "tool_calls": [{"name": …, "args": …}]}.',
    },
    agent: { type: 'string', value: 'NAME', about: 'As if this agent had sent it.' },
  },
  async run({ operands: [policy = ''], options: { request, agent }, call }) {
    const read = await readJsonFile(request);
    if (read.kind === 'failed') return read;
    const input = readTestRequest(read.value);
    if (input.kind === 'invalid') return { kind: 'failed', code: 'file_invalid', message: `${request}: ${input.why}` };
    const { path, body, tool_calls } = input;
    const named = agent === undefined ? {} : { agent };
    return printed(await call('policies.test', { policy, path, body, tool_calls, ...named }), (result) => ({
      json: result,
      text: renderTest(result, path),
    }));
  },
});

/** Policies. */
export const policyCommands: readonly Command[] = [apply, list, show, diff, test];

function showApplied(file: string, reply: Reply<OperationOutput<'policies.apply'>>): Outcome {
  if (reply.ok) {
    const { policy, version, created } = reply.value;
    const ref = `${policy}@${version}`;
    const text = created ? `Applied ${ref}: runs that start from now on use it.` : `${ref} says exactly this already.`;
    return { kind: 'printed', json: reply.value, text };
  }
  const lines = problemLines(file, reply.failure.context['problems']);
  const failed = refused(reply.failure);
  if (lines.length === 0) return failed;
  return { ...failed, message: `the policy has problems, nothing was applied:\n${lines.join('\n')}` };
}

interface Problem {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string | null;
}

/** `FILE:LINE:COLUMN: …` for every problem that the core found. */
function problemLines(file: string, problems: unknown): readonly string[] {
  if (!Array.isArray(problems)) return [];
  return (problems as readonly Problem[]).map(({ line, column, path, message, fix }) => {
    const place = path === '' ? '' : `${path}: `;
    return `${file}:${line}:${column}: ${place}${message}${fix === null ? '' : `; ${fix}`}`;
  });
}

const renderPolicies = (policies: readonly PolicyRecord[]): string =>
  renderTable(
    ['POLICY', 'APPLIED', 'AGENTS', 'NOTE'],
    policies.map((policy) => [
      `${policy.policy}@${policy.version}`,
      renderTime(policy.created_at),
      policy.agents.join(', '),
      policy.note,
    ]),
  );
