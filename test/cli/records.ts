import type { OperationOutput } from '../../proxy-core/contract/operations.ts';
import type { AgentRecord, BudgetRecord, RunRecord, StepRecord } from '../../proxy-core/contract/records.ts';

/** 22 November 2026, 14:03:07 UTC. */
export const AT = Date.UTC(2026, 10, 22, 14, 3, 7);

export const AGENT: AgentRecord = {
  agent_id: 'agt_1',
  name: 'refactor-bot',
  team: 'home',
  policy: 'personal-default',
  allowed_policies: [],
  run_cap_nano: 5_000_000_000,
  delivery: 'auto',
  patience_seconds: null,
  token_prefix: 'rg_agt_abcd',
  created_at: AT,
  revoked_at: null,
  last_seen_at: null,
  text_calls_at: null,
};

export const BUDGET: BudgetRecord = {
  scope: 'agent',
  subject: 'agt_1',
  name: 'refactor-bot',
  window: 'day',
  cap_nano: 20_000_000_000,
  spent_nano: 1_250_000_000,
  reserved_nano: 0,
  resets_at: AT,
  alerted: [0.8],
};

export const RUN: RunRecord = {
  run_id: 'run_1',
  agent_id: 'agt_1',
  agent: 'refactor-bot',
  state: 'open',
  policy: 'personal-default@1',
  explicit: false,
  labels: { goal: 'tidy' },
  client: 'codex',
  started_at: AT,
  last_activity_at: AT,
  ended_at: null,
  spent_nano: 12_345,
  reserved_nano: 0,
  cap_nano: 5_000_000_000,
  exchanges: 1,
  tool_calls: 0,
  steps: 1,
  input_tokens: 10,
  output_tokens: 20,
  models: ['gpt-5.5'],
  gates: 0,
  paused: false,
  last_refusal: null,
  last_refusal_rule: null,
  trace_parent: null,
  trace_pruned_at: null,
};

export const step = (number: number, summary = 'gpt-5.5 answered'): StepRecord => ({
  run_id: 'run_1',
  step: number,
  kind: 'model_call',
  at: AT,
  exchange_id: 'xch_1',
  summary,
  cost_nano: 12_345,
  detail: {},
});

export const STATUS: OperationOutput<'core.status'> = {
  version: '0.1.0',
  pid: 4711,
  agent_url: 'http://127.0.0.1:4141',
  console_url: null,
  home: '/somewhere',
  program: 'rungate',
  started_at: AT,
  paused: false,
  in_flight: 0,
  store: { ok: true, detail: 'fine' },
  providers: [
    {
      id: 'openai',
      origin: 'https://api.openai.com',
      formats: ['chat'],
      models: ['gpt-*'],
      key: 'set',
      key_source: 'env:OPENAI_API_KEY',
      way: 'directly',
    },
  ],
  config_file: null,
  authorities: 'the system’s',
  unknown_clients: [],
};
