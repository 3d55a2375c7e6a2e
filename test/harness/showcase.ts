import { send } from './agent-client.ts';
import { askForCall, type ProposedCall, proposing } from './agent-sdk.ts';
import { type EventfulRun, playEventfulRun } from './eventful-run.ts';
import type { TestOptions } from './rungate.ts';

/**
 * An installation in use: the eventful run, runs of other agents, and gates of every kind waiting. For pictures; every
 * call is a real SDK's and the provider alone is scripted.
 */
export interface Showcase extends EventfulRun {
  /** The waiting gates by what they show. */
  readonly waiting: Readonly<Record<'shell' | 'diff' | 'sql' | 'http' | 'json', string>>;
}

const POLICY = `policy: showcase
budget: { run_usd: 5 }
rules:
  - rule: "sql:never-drop"
    match: { tool: run_sql, args.query: { $regex: "(?i)drop table" } }
    action: block
    message: "Tables are archived, never dropped."
    recover: "Rename the table with the prefix archive_ instead."
  - rule: "shell:destructive"
    match: { tool: Bash }
    action: gate
    message: "Commands that delete or publish wait for a person."
  - rule: "files:configuration"
    match: { tool: Edit }
    action: gate
  - rule: "sql:writes"
    match: { tool: run_sql }
    action: gate
  - rule: "http:outside"
    match: { tool: http_request }
    action: gate
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    message: "Refunds over $500 need a second pair of eyes."
`;

const EDITED = {
  file_path: 'src/server/limits.ts',
  old_string: 'export const LIMITS = {\n  requests: 60,\n  window: 60_000,\n};',
  new_string: 'export const LIMITS = {\n  requests: 600,\n  window: 60_000,\n  burst: true,\n};',
};

const WAITING: Readonly<Record<keyof Showcase['waiting'], { agent: string; words: string; call: ProposedCall }>> = {
  json: {
    agent: 'refund-desk',
    words: 'Work through today’s refund requests',
    call: {
      tool: 'issue_refund',
      args: { order: 'ord_8902', customer: 'Grace H.', amount_usd: 1180.5, currency: 'USD', notify: true },
    },
  },
  http: {
    agent: 'release-bot',
    words: 'Tell the status page that 2.4.0 is out',
    call: {
      tool: 'http_request',
      args: {
        method: 'POST',
        url: 'https://status.example.com/api/v1/incidents',
        headers: { authorization: 'Bearer sk-live-0123456789abcdef', 'content-type': 'application/json' },
        body: { name: 'Release 2.4.0', status: 'resolved', components: ['api', 'web'] },
      },
    },
  },
  sql: {
    agent: 'data-steward',
    words: 'Remove the accounts that were closed last year',
    call: {
      tool: 'run_sql',
      args: { query: "DELETE FROM accounts; UPDATE audit_notes SET state = 'done' WHERE id = 7" },
    },
  },
  diff: {
    agent: 'refactor-bot',
    words: 'Raise the rate limits for the load test',
    call: { tool: 'Edit', args: EDITED },
  },
  shell: {
    agent: 'refactor-bot',
    words: 'Clean the build and publish a release candidate',
    call: {
      tool: 'Bash',
      args: {
        command: 'cd packages/api && rm -rf dist node_modules && npm ci && npm publish --tag next | tee publish.log',
        description: 'Clean, install and publish',
        cwd: '/home/ada/src/api',
      },
    },
  },
};

const OTHER_RUNS = 36;
/** A run whose latest call a rule has blocked. */
export const BLOCKED_RUN = 'data-steward-3000';

export async function playShowcase(options: TestOptions = {}): Promise<Showcase> {
  const eventful = await playEventfulRun(options);
  const { rungate, upstream } = eventful;
  upstream.script(proposing);
  await rungate.call('policies.apply', { document: POLICY, file_name: 'showcase.yaml', note: 'for pictures' });
  const tokens = new Map<string, string>();
  for (const agent of ['refactor-bot', 'release-bot', 'data-steward', 'docs-writer'])
    tokens.set(agent, await rungate.addAgent(agent, { policy: 'showcase', delivery: 'retry' }));
  tokens.set('refund-desk', eventful.token);
  const ask = (agent: string, runId: string, words: string, call: ProposedCall) =>
    askForCall({ sdk: 'anthropic', agentUrl: rungate.url, token: tokens.get(agent) ?? '' }, runId, call, words);
  for (let index = 0; index < OTHER_RUNS; index += 1) {
    const agent = ['refactor-bot', 'docs-writer', 'data-steward'][index % 3] ?? 'docs-writer';
    const runId = `${agent}-${1200 + index}`;
    for (let turn = 0; turn <= index % 4; turn += 1)
      await ask(agent, runId, `Step ${turn + 1} of the plan`, {
        tool: 'read_file',
        args: { path: `src/part-${turn}.ts` },
      });
    rungate.advance(47_000 + index * 1000);
  }
  const waiting: Record<string, string> = {};
  for (const [view, { agent, words, call }] of Object.entries(WAITING)) {
    const runId = `${agent}-${2000 + Object.keys(waiting).length}`;
    await send(rungate.url, {
      path: '/v1/runs',
      token: tokens.get(agent) ?? '',
      body: { run_id: runId, labels: { goal: words } },
    });
    await ask(agent, runId, words, call);
    const { gates } = await rungate.call('gates.list', { run_id: runId });
    waiting[view] = gates[0]?.gate_id ?? '';
    rungate.advance(20_000);
  }
  await ask('data-steward', BLOCKED_RUN, 'Remove what nobody needs any more', {
    tool: 'run_sql',
    args: { query: 'DROP TABLE invoices_2019; DROP TABLE invoices_2020' },
  });
  return { ...eventful, waiting: waiting as Showcase['waiting'] };
}
