import { z } from 'zod';
import { priceOverride } from '../budget/prices.ts';
import { NOTICE_EVENTS } from '../contract/events.ts';
import { BUDGET_WINDOWS, DELIVERIES, WIRE_FORMATS } from '../contract/records.ts';
import { createRedactor } from '../redaction/redactor.ts';

/**
 * The configuration file's one schema. The parser, the JSON Schema that editors read and the documentation
 * are all derived from it, so every key carries its description. Unknown keys are errors. Values are never
 * secrets: a secret is a reference that the host resolves when it starts.
 */

/** The provider that is built in: it answers offline and needs nothing but its id. */
export const DEMO_PROVIDER = 'demo';

/** How a collector is spoken to (OTLP specification). */
export const OTLP_PROTOCOLS = ['http/protobuf', 'grpc'] as const;

/** The events a webhook can ask for (behaviour §6): those that people can be told of. */
export const WEBHOOK_EVENTS = NOTICE_EVENTS;

const EVENT_PATTERNS = [
  '*',
  ...new Set(WEBHOOK_EVENTS.map((event) => `${event.split('.')[0]}.*`)),
  ...WEBHOOK_EVENTS,
] as const;

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name is at most 64 letters, digits, dots, dashes and underscores');

const policyPin = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@[1-9][0-9]{0,8})?$/, 'a policy is `name` or `name@version`');

const ENV = 'env:[A-Za-z_][A-Za-z0-9_]*';
const FILE = 'file:[^\\x00-\\x1f]+';
const KEYCHAIN = 'keychain:[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const WRITE_REFERENCE =
  'write env:NAME instead (or file:PATH, keychain:NAME): a secret is given as a reference, never as its value';

/** Where a secret is kept; never the secret. The message never repeats what was written, for it may be the secret. */
const secretReference = z.string().regex(new RegExp(`^(${ENV}|${FILE}|${KEYCHAIN})$`), WRITE_REFERENCE);
/** As above, or behind an authentication scheme: `Bearer env:NAME`. */
const headerReference = z
  .string()
  .regex(new RegExp(`^(?:(?:Bearer|Basic) )?(${ENV}|${FILE}|${KEYCHAIN})$`), WRITE_REFERENCE);
const optionalSecretReference = z
  .string()
  .regex(new RegExp(`^(none|${ENV}|${FILE}|${KEYCHAIN})$`), `${WRITE_REFERENCE}; or \`none\``);

// No user, query or fragment: a key hidden there would be logged, and `#` and `@` redirect naive joins (fault C3).
const baseUrl = z
  .string()
  .regex(
    /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#@\\]*)?$/i,
    'an http:// or https:// address without user, query or fragment',
  );
const webhookUrl = z
  .string()
  .regex(
    /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#@\\]*)?(\?[^\s#\\]*)?$/i,
    'an http:// or https:// address without user or fragment',
  );

// A login in the address would be a secret in the file: such an address comes from a variable.
const networkProxy = z
  .string()
  .regex(
    /^(env|none|env:[A-Za-z_][A-Za-z0-9_]*|https?:\/\/[^\s/?#@\\]+\/?)$/i,
    '`env`, `none`, an http:// or https:// address without user, or env:NAME for one with user and password',
  );

const upstream = z.strictObject({
  proxy: networkProxy
    .default('env')
    .describe(
      'The way out to providers, webhooks and collectors: env (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), a proxy’s address, env:NAME of a variable that holds one, or none. Loopback is always direct.',
    ),
  ca: z
    .string()
    .min(1)
    .max(1024)
    .default('system')
    .describe('Which certificate authorities are trusted: system, or a PEM file of further ones.'),
});

const usd = z.number().min(0).max(1_000_000);
const seconds = z.number().min(0.1).max(86_400);
const port = z.int().min(0).max(65_535);

const timeouts = z.strictObject({
  connect_seconds: seconds.default(10).describe('How long connecting to the provider may take, in seconds.'),
  headers_seconds: seconds
    .default(1800)
    .describe('How long the provider may think before its answer begins, in seconds.'),
  idle_seconds: seconds.default(1800).describe('How long an answer that has begun may pause, in seconds.'),
});

const provider = z.strictObject({
  id: name.describe('The provider’s name here. `demo` is built in, answers offline and takes no other key.'),
  base_url: baseUrl
    .optional()
    .describe('Where it answers, as its own SDK would be given it, e.g. https://api.openai.com/v1.'),
  formats: z.array(z.enum(WIRE_FORMATS)).min(1).optional().describe('The protocols it speaks.'),
  models: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Globs of the model names it serves; the first matching provider wins. Absent: every model.'),
  key: optionalSecretReference
    .default('none')
    .describe('Its key, as a reference: env:NAME, file:PATH, keychain:NAME, or none.'),
  auth: z
    .enum(['bearer', 'x-api-key'])
    .optional()
    .describe('How the key is sent. Default: x-api-key for messages, Authorization: Bearer for the others.'),
  include_usage: z
    .boolean()
    .default(true)
    .describe(
      'Whether its chat streams are asked for their usage (stream_options.include_usage). A provider that refuses it is ' +
        'found out and sent requests as they came; false: it is never asked, and its streams are charged by estimate.',
    ),
  timeouts: timeouts.prefault({}).describe('How long to wait for it.'),
});

const team = z.strictObject({
  name: name.describe('The team’s name.'),
  budget: z
    .strictObject({
      usd: usd.describe('The cap of all its agents together, in USD.'),
      window: z.enum(BUDGET_WINDOWS).default('month').describe('When the spend starts again from zero, in local time.'),
    })
    .optional()
    .describe('The team’s cap. Absent: counted, not capped.'),
});

const agentBudget = z.strictObject({
  run_usd: usd.optional().describe('The cap of each of its runs, in USD.'),
  usd: usd.optional().describe('The cap of the agent over the window, in USD. Default: four times run_usd.'),
  window: z.enum(BUDGET_WINDOWS).default('day').describe('When the spend starts again from zero, in local time.'),
});

const agent = z.strictObject({
  name: name.describe('The agent’s name.'),
  team: name.optional().describe('The team it is charged to; one of `teams`.'),
  policy: policyPin
    .optional()
    .describe(
      'The policy its runs start with: `name` (its newest version) or `name@version`. Default: the starter policy.',
    ),
  allowed_policies: z
    .array(policyPin)
    .optional()
    .describe('The policies it may choose with x-rungate-policy. Default: its own only.'),
  budget: agentBudget.optional().describe('Its caps.'),
  delivery: z.enum(DELIVERIES).default('auto').describe('How its approval gates reach it.'),
  patience_seconds: z
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe('How long it may hang up on a gate before it counts as gone, in seconds; 0: for ever. Default: 90.'),
  token: secretReference
    .optional()
    .describe('Its rg_agt_… token, as a reference. Absent: made by `rungate agents rotate NAME`.'),
});

const limits = z.strictObject({
  max_body_mb: z.number().min(0.01).max(1024).default(64).describe('The largest request body taken, in MiB.'),
  header_kb: z.int().min(4).max(1024).default(64).describe('The largest request header block taken, in KiB.'),
  headers_seconds: seconds.default(20).describe('How long a client may take to send its headers, in seconds.'),
  body_seconds: seconds.default(120).describe('How long a client may take to send its whole request, in seconds.'),
  drain_seconds: seconds
    .default(15)
    .describe('How long the answer to a client that went away is still read for its usage, in seconds.'),
  drain_mb: z.number().min(0).max(1024).default(4).describe('How much of such an answer is still read, in MiB.'),
  keep_mb: z
    .number()
    .min(0.01)
    .max(1024)
    .default(64)
    .describe('The largest answer held to be judged and recorded, in MiB.'),
  shutdown_seconds: seconds.default(10).describe('How long calls in flight may take to end at a shutdown, in seconds.'),
  idle_window_minutes: z
    .number()
    .min(0)
    .max(1440)
    .default(15)
    .describe('A call without any other sign joins its agent’s open run if that was active in this time, in minutes.'),
  connections: z
    .int()
    .min(8)
    .max(65_536)
    .default(1_024)
    .describe(
      'How many connections a port takes at a time; the next is closed. Fewer where the system allows fewer open files.',
    ),
  connections_before_token: z
    .int()
    .min(8)
    .max(65_536)
    .default(128)
    .describe('How many of them may be without a valid token (or session) yet; the next is closed.'),
  max_pending_gates: z
    .int()
    .min(1)
    .max(1024)
    .default(32)
    .describe('How many gates of one agent may wait for a person at a time; the next is refused with 429.'),
  undo_seconds: z
    .int()
    .min(0)
    .max(30)
    .default(5)
    .describe('How long a verdict made in the console can be undone before agents see it, in seconds.'),
});

const tool = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.:/-]{1,128}$/, 'a tool name is 1 to 128 of A-Z a-z 0-9 _ . : / -')
    .describe('The tool’s name.'),
  url: webhookUrl.describe('Where its calls are posted, once each, after the policy has let them pass.'),
});

const webhook = z.strictObject({
  name: name.describe('What approver_channel calls it: webhook://NAME.'),
  url: webhookUrl.describe('Where events are posted.'),
  secret: secretReference.describe('The signing secret (Standard Webhooks), as a reference.'),
  events: z
    .array(z.enum(EVENT_PATTERNS))
    .min(1)
    .default(['*'])
    .describe('The events it wants: names, `approval.*`, or `*`.'),
});

const channels = z.strictObject({
  webhook: z.array(webhook).default([]).describe('Webhooks that events are posted to.'),
});

const otlp = z.strictObject({
  endpoint: baseUrl.describe('The collector; for http/protobuf `/v1/traces` is appended.'),
  protocol: z.enum(OTLP_PROTOCOLS).default('http/protobuf').describe('How it is spoken to.'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'a header name'), headerReference)
    .default({})
    .describe(
      'Headers to send, each value as a reference to a secret, e.g. authorization: "Bearer env:COLLECTOR_TOKEN".',
    ),
  content: z.boolean().default(false).describe('Whether prompts and answers are sent, with secrets masked.'),
});

const retention = z.strictObject({
  days: z
    .number()
    .min(1)
    .max(36_500)
    .optional()
    .describe(
      'Traces of runs that ended longer ago are removed, in days; of open runs, those last active longer ago in which nothing waits. Absent: never.',
    ),
  max_gb: z
    .number()
    .min(0.1)
    .max(10_000)
    .optional()
    .describe(
      'The oldest traces are removed while the store is larger, in GB; of open runs, those silent for a day in which nothing waits. Absent: never.',
    ),
});

const redactionPattern = z
  .string()
  .min(1)
  .max(500)
  .superRefine((pattern, context) => {
    const created = createRedactor([pattern]);
    if (created.kind === 'fault')
      context.addIssue({ code: 'custom', message: `this pattern cannot be used: ${created.message}` });
  });

const redaction = z.strictObject({
  patterns: z
    .array(redactionPattern)
    .max(50)
    .default([])
    .describe('RE2 patterns; what they match is masked in exports, telemetry, notifications and logs.'),
  at_storage: z
    .boolean()
    .default(false)
    .describe(
      'Mask requests and answers already when they are stored. The originals are then nowhere, but for what a gate proposes and the answer it keeps.',
    ),
});

const anchor = z.union([
  z.strictObject({
    file: z
      .string()
      .min(1)
      .max(1024)
      .describe('A file outside the home folder, best on another disk; one JSON line is added at a time.'),
  }),
  z.strictObject({ webhook: name.describe('A webhook under `channels`; it gets one signed delivery at a time.') }),
]);

const audit = z.strictObject({
  anchors: z
    .array(anchor)
    .max(10)
    .optional()
    .describe(
      'Second places for the audit’s signed heads, so that cutting off or rewriting the audit shows. Absent: one file in the user’s state folder. []: none.',
    ),
  every_minutes: z.number().min(0.1).max(1440).default(10).describe('How often a head is written there, in minutes.'),
});

export const configuration = z
  .strictObject({
    agent_port: port.default(4141).describe('The port agents call, on 127.0.0.1. 0 picks a free one.'),
    console_port: port.default(4142).describe('The port of the operator’s console, on 127.0.0.1. 0 picks a free one.'),
    cli_decisions: z
      .boolean()
      .optional()
      .describe(
        'Whether the command line may approve, reject, resume, and change budgets, policies and keys. Default: yes under `rungate serve`, no in the desktop app.',
      ),
    on_pause: z
      .enum(['finish', 'cut'])
      .default('finish')
      .describe('What happens to streams in flight when everything is paused.'),
    providers: z.array(provider).default([]).describe('Who answers. The first whose models match wins.'),
    teams: z.array(team).default([]).describe('Groups of agents that share a cap.'),
    agents: z.array(agent).default([]).describe('The callers, each with its token, policy and caps.'),
    policies: z
      .array(z.string().min(1))
      .default([])
      .describe('Policy files, relative to this file; each becomes a new version when its content changed.'),
    tools: z
      .array(tool)
      .default([])
      .describe('Where calls of POST /v1/tools/NAME are forwarded. A tool that is not listed is only checked.'),
    prices: z
      .record(z.string().min(1), priceOverride)
      .default({})
      .describe('Prices by model name. They replace the built-in ones.'),
    limits: limits.prefault({}).describe('Sizes and times.'),
    channels: channels.prefault({}).describe('Where people are told.'),
    upstream: upstream.prefault({}).describe('How connections leave this machine.'),
    otlp: otlp.optional().describe('Where traces are sent live. Absent: nowhere.'),
    retention: retention.prefault({}).describe('When traces are removed. The audit always stays.'),
    audit: audit.prefault({}).describe('Where the signed audit is witnessed.'),
    redaction: redaction.prefault({}).describe('What is masked wherever text leaves, beside keys, tokens and cards.'),
  })
  .describe('Configuration of a headless Rungate core. Paths are relative to this file.');

/** A configuration with every default filled in; secrets are still references. */
export type Configuration = z.output<typeof configuration>;
