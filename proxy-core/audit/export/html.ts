import type { Conversation, MessagePart } from '../../contract/conversation.ts';
import type { GateRecord, StepRecord } from '../../contract/records.ts';
import type { Sha256 } from '../chain.ts';
import { renderHead, renderTail } from './html-frame.ts';
import { type Html, html, scriptJson } from './markup.ts';
import { AUDIT_PART, type Piece, part } from './piece.ts';
import {
  type Calendar,
  count,
  createCalendar,
  decider,
  describeStep,
  duration,
  money,
  OUTCOMES,
  shortDuration,
  summarise,
  VERDICTS,
} from './plain-words.ts';
import type { RedactedSource } from './redact.ts';
import type { ExportedStep } from './source.ts';

/**
 * A run as one self-contained page for people who were not there. Threat: texts come from models and agents. They are
 * only ever text (`markup.ts`), and the page's own policy lets nothing run or load but the two blocks it was written with.
 */
export interface HtmlOptions {
  /** For paper of this size: everything is shown, nothing is to be clicked. Null: for the screen. */
  readonly print: 'A4' | 'Letter' | null;
}

export function* renderHtml(source: RedactedSource, sha256: Sha256, options: HtmlOptions): Generator<Piece> {
  const calendar = createCalendar(source.about.timeZone);
  yield part('summary');
  yield renderHead(`What ${source.run.agent} did`, options, sha256);
  yield renderSummary(source, calendar).html;
  yield part('who approved what');
  yield renderDecisions(source, calendar).html;
  yield part('what was not allowed');
  yield renderBlocks(source).html;
  yield part('money');
  yield renderMoney(source).html;
  yield part('files');
  yield renderFiles(source, calendar).html;
  yield part('timeline');
  yield html`
<section><h2>What happened, step by step</h2>
<p class="soft small">All times are in the time zone ${source.about.timeZone}. ${source.about.prompts ? (options.print === null ? 'Open a line to read what was asked and answered.' : '') : 'Prompts and answers were left out of this report; their fingerprints are in the JSON export.'}</p>
<ol class="time">`.html;
  if (source.run.trace_pruned_at !== null)
    yield html`\n<li class="day">Trace removed on ${calendar.day(source.run.trace_pruned_at)}</li>`.html;
  yield* renderSteps(source, calendar, options);
  yield part('end of timeline');
  yield '\n</ol></section>';
  yield* renderAppendix(source, calendar, options);
  yield part('about this file');
  yield renderTail(source, calendar, options);
}

const STATE_CLASS = { open: 'wait', waiting: 'wait', completed: 'good', stopped: 'bad' } as const;

function renderSummary(source: RedactedSource, calendar: Calendar): Html {
  const { run, waitedMs } = source;
  const end = run.ended_at ?? run.last_activity_at;
  const goal = run.labels['goal'];
  return html`
<header>
<p class="soft small">Report on the work of an AI agent</p>
<h1>What ${run.agent} did</h1>
<p><span class="badge ${STATE_CLASS[run.state]}">${OUTCOMES[run.state]}</span> <span class="soft">Run ${run.run_id}</span></p>
${goal === undefined ? null : html`<p><b>Its task:</b> ${goal}</p>`}
<div class="lead">${summarise(source, calendar).map((sentence) => html`<p>${sentence}</p>`)}</div>
<dl class="facts">
<div><dt>Spent</dt><dd>${money(run.spent_nano)}</dd></div>
<div><dt>Steps</dt><dd>${run.steps.toLocaleString('en-GB')}</dd></div>
<div><dt>Permissions asked</dt><dd>${source.gates.length}</dd></div>
<div><dt>Took</dt><dd>${shortDuration(end - run.started_at)}</dd></div>
<div><dt>Of that, waiting for people</dt><dd>${waitedMs === 0 ? 'none' : shortDuration(waitedMs)}</dd></div>
</dl>
<p class="soft small foot">Rungate recorded this while it happened and signed this file. How to check it stands at the end.</p>
</header>`;
}

function renderDecisions({ gates, grants }: RedactedSource, calendar: Calendar): Html {
  if (gates.length === 0)
    return html`\n<section><h2>Who approved what</h2><p>Nothing in this run needed a person’s permission.</p></section>`;
  const remembered = grants.map(
    (grant) =>
      html`<li>${grant.shown} (allowed by ${grant.created_by} on ${calendar.day(grant.created_at)}, used ${count(grant.used, 'time')})</li>`,
  );
  return html`
<section><h2>Who approved what</h2>
${gates.map((gate) => renderGate(gate, calendar))}
${remembered.length === 0 ? null : html`<h3>Remembered for later</h3><ul>${remembered}</ul>`}
</section>`;
}

/** What rules stopped without asking anybody; each time stands in the timeline with what was seen and what the agent got. */
function renderBlocks({ tally: { blocks } }: RedactedSource): Html {
  if (blocks.length === 0) return html``;
  return html`
<section><h2>What was not allowed</h2>
<p class="soft small">These rules stopped what the agent, or its model, wanted to do. Nobody had to be asked, and nothing of it was carried out.</p>
${blocks.map(
  ({ rule, message, tool, count: number, firstStep }) => html`
<div class="card rejected" data-block="${rule}">
<div class="row"><h3>${tool === null ? html`To send a request` : html`To use the tool <code>${tool}</code>`}</h3><span class="badge bad">Blocked${number === 1 ? '' : ` ${number} times`}</span></div>
<dl>
<dt>Why</dt><dd>${message ?? `The rule “${rule}” says so.`}</dd>
<dt>Rule</dt><dd>${rule}</dd>
<dt>${number === 1 ? 'When' : 'First'}</dt><dd>step ${firstStep}</dd>
</dl></div>`,
)}
</section>`;
}

const VERDICT_CLASS = { pending: 'wait', approved: 'good', rejected: 'bad', expired: 'bad', cancelled: '' } as const;

function renderGate(gate: GateRecord, calendar: Calendar): Html {
  const decided =
    gate.decided_at === null ? null : `${calendar.day(gate.decided_at)}, ${calendar.time(gate.decided_at)}`;
  const waited = gate.decided_at === null ? null : duration(gate.decided_at - gate.created_at);
  const reviewed = gate.state === 'approved' || gate.state === 'rejected';
  return html`
<div class="card ${gate.state}" data-gate="${gate.gate_id}" data-verdict="${gate.state}">
<div class="row"><h3>The agent wanted to ${actionNames(gate)}</h3><span class="badge ${VERDICT_CLASS[gate.state]}">${VERDICTS[gate.state]}</span></div>
${gate.proposed_actions.map(({ tool, args }) => html`${gate.proposed_actions.length > 1 ? html`<p><b>${tool}</b></p>` : null}${renderArguments(args)}`)}
<dl>
<dt>Why it had to ask</dt><dd>${gate.message ?? `The rule “${gate.rule}” says so.`}</dd>
${gate.message === null ? null : html`<dt>Rule</dt><dd>${gate.rule} <span class="soft">(policy ${gate.policy})</span></dd>`}
<dt>Asked</dt><dd>${calendar.day(gate.created_at)}, ${calendar.time(gate.created_at)}</dd>
${decided === null ? null : html`<dt>${reviewed ? 'Decided' : 'Ended'}</dt><dd>${decided} by ${decider(gate)}${waited === null ? '' : `, after ${waited}`}</dd>`}
${gate.reason === null ? null : html`<dt>Their reason</dt><dd>${gate.reason}</dd>`}
${gate.suggested_args == null ? null : html`<dt>Suggested instead</dt><dd>${JSON.stringify(gate.suggested_args)}</dd>`}
${gate.outcome_unknown ? html`<dt>Careful</dt><dd>Whether the approved call went through is not known.</dd>` : null}
</dl></div>`;
}

function actionNames({ proposed_actions: actions, kind }: GateRecord): Html {
  const [first, ...more] = actions;
  if (first === undefined) return html`${kind === 'request' ? 'send this request' : 'go on'}`;
  if (kind === 'request') return html`send this request`;
  return more.length === 0 ? html`use the tool <code>${first.tool}</code>` : html`use ${actions.length} tools`;
}

/** Arguments as lines of name and value where they are a flat object, else as JSON. */
function renderArguments(args: unknown): Html {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return html`<pre>${textOf(args)}</pre>`;
  const entries = Object.entries(args);
  if (entries.length === 0) return html`<p class="soft">without further details</p>`;
  return html`<dl>${entries.map(([name, value]) => html`<dt>${name.replaceAll('_', ' ')}</dt><dd><b>${textOf(value)}</b></dd>`)}</dl>`;
}

/** A text's JSON object if it holds nothing but short values, for which lines are easier to read than JSON. */
function flatObject(text: string): object | null {
  if (text.length > 2_000) return null;
  try {
    const value: unknown = JSON.parse(text);
    const flat = typeof value === 'object' && value !== null && !Array.isArray(value);
    return flat && Object.values(value).every((one) => typeof one !== 'object' || one === null) ? value : null;
  } catch {
    return null;
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function renderMoney({ run, tally, budgets }: RedactedSource): Html {
  const rows = tally.models.map(
    (model) =>
      html`<tr><td>${model.model ?? 'other calls'}</td><td class="n">${model.calls}</td><td class="n">${model.input_tokens.toLocaleString('en-GB')}</td><td class="n">${model.output_tokens.toLocaleString('en-GB')}</td><td class="n">${money(model.cost_nano)}</td></tr>`,
  );
  const estimated = tally.models.reduce((sum, model) => sum + model.estimated, 0);
  const counted = tally.models.reduce((sum, model) => sum + model.calls, 0);
  const calls = run.trace_pruned_at === null ? counted : run.exchanges;
  const caps = budgets.filter((budget) => budget.cap_nano !== null);
  return html`
<section><h2>Money</h2>
<table><thead><tr><th>AI model</th><th class="n">Calls</th><th class="n">Words read*</th><th class="n">Words written*</th><th class="n">Cost</th></tr></thead>
<tbody>${rows}<tr class="sum"><td>Together</td><td class="n">${calls}</td><td class="n">${run.input_tokens.toLocaleString('en-GB')}</td><td class="n">${run.output_tokens.toLocaleString('en-GB')}</td><td class="n">${money(run.spent_nano)}</td></tr></tbody></table>
<p class="soft small">* In tokens: pieces of words, the unit in which model providers charge.${estimated === 0 ? '' : ` For ${count(estimated, 'call')} the provider did not say what was used; the highest possible cost was charged.`}</p>
${caps.map((cap) => html`<p class="small">Limit of the ${cap.scope} <b>${cap.name}</b>${cap.window === 'total' ? '' : ` per ${cap.window}`}: ${money(cap.spent_nano)} of ${money(cap.cap_nano ?? 0)} used.<br><progress max="${Math.max(1, cap.cap_nano ?? 1)}" value="${cap.spent_nano}"></progress></p>`)}
</section>`;
}

function renderFiles({ artifacts }: RedactedSource, calendar: Calendar): Html {
  if (artifacts.length === 0) return html``;
  return html`
<section><h2>Files it handed in</h2>
<table><thead><tr><th>Name</th><th>Kind</th><th>When</th><th class="n">Size</th></tr></thead><tbody>
${artifacts.map(({ artifact }) => html`<tr><td>${artifact.name}<br><span class="soft small hash">SHA-256 ${artifact.sha256}</span></td><td>${artifact.content_type}</td><td>${calendar.time(artifact.created_at)}</td><td class="n">${artifact.bytes.toLocaleString('en-GB')} bytes</td></tr>`)}
</tbody></table></section>`;
}

function* renderSteps(source: RedactedSource, calendar: Calendar, options: HtmlOptions): Generator<Piece> {
  let day = '';
  for (const entry of source.steps()) {
    const { step } = entry;
    yield part(`step ${step.step}`);
    const today = calendar.day(step.at);
    if (today !== day) yield html`\n<li class="day">${today}</li>`.html;
    day = today;
    yield renderStep(entry, calendar, options).html;
  }
}

function renderStep({ step, call }: ExportedStep, calendar: Calendar, options: HtmlOptions): Html {
  const { label, sentence } = describeStep(step);
  const messages = [...(call?.request?.news ?? []), ...(call?.response?.said ?? [])];
  const cost = step.cost_nano === null || step.cost_nano === 0 ? '' : money(step.cost_nano);
  return html`
<li class="${step.kind}"><span class="at">${calendar.time(step.at)}</span><span class="kind">${label}</span><div class="what">${sentence}${renderToolText(step)}${renderMessages(messages, options)}</div><span class="cost">${cost}</span></li>`;
}

/** What a tool was given or gave back, where the step itself keeps it. */
function renderToolText({ kind, detail }: StepRecord): Html | null {
  const text = kind === 'tool_call' ? detail['args'] : kind === 'tool_result' ? detail['output'] : null;
  if (typeof text !== 'string' || text === '') return null;
  const facts = kind === 'tool_call' ? flatObject(text) : null;
  return facts === null ? html`<pre>${shortened(text)}</pre>` : html`<div class="card">${renderArguments(facts)}</div>`;
}

function renderMessages(messages: Conversation['messages'], { print }: HtmlOptions): Html {
  if (messages.length === 0) return html``;
  return html`<details${{ html: print === null ? '' : ' open' }}><summary>What was asked and answered</summary>${messages.map(renderMessage)}</details>`;
}

const SPEAKERS: Readonly<Record<string, string>> = {
  user: 'To the model',
  assistant: 'The model',
  system: 'Standing instructions',
  developer: 'Standing instructions',
  tool: 'Result of a tool',
};

function renderMessage({ role, side, parts }: Conversation['messages'][number]): Html {
  const speaker = side === 'response' ? 'The model answered' : (SPEAKERS[role] ?? role);
  return html`${parts.map((one) => renderPart(one, speaker))}`;
}

function renderPart(one: MessagePart, speaker: string): Html {
  switch (one.kind) {
    case 'text':
      return html`<div class="who">${speaker}</div><pre>${shortened(one.text)}</pre>`;
    case 'reasoning':
      return html`<div class="who">The model, thinking</div><pre>${shortened(one.text)}</pre>`;
    case 'tool_call':
      return html`<div class="who">The model wanted to use ${one.tool}</div><pre>${shortened(one.text)}</pre>`;
    case 'tool_result':
      return html`<div class="who">${one.is_error ? 'Error of a tool' : 'Result of a tool'}</div><pre>${shortened(one.text)}</pre>`;
    case 'image':
      return html`<div class="who">${speaker}</div><p class="soft small">(a picture, ${one.media_type ?? 'of unknown kind'}${one.url === null ? '' : `, ${one.url}`})</p>`;
    case 'other':
      return html`<div class="who">${speaker} (${one.type})</div><pre>${shortened(one.text)}</pre>`;
  }
}

/** Longest text shown in the page, characters. */
const SHOWN = 20_000;

const shortened = (text: string): string =>
  text.length <= SHOWN
    ? text
    : `${text.slice(0, SHOWN)}\n… ${(text.length - SHOWN).toLocaleString('en-GB')} more characters: see the JSON export.`;

function* renderAppendix(source: RedactedSource, calendar: Calendar, { print }: HtmlOptions): Generator<Piece> {
  yield part('appendix');
  yield html`
<section><h2>Appendix: the signed record</h2>
<p class="small">Every change of money, permission and policy in this run was written down when it happened, each entry locked to the one before it. These are the entries.</p>
<details id="records"${{ html: print === null ? '' : ' open' }}><summary>Show the entries</summary><table><thead><tr><th>No.</th><th>When</th><th>What</th><th>Who</th></tr></thead><tbody>`
    .html;
  for (const record of source.audit()) {
    yield part(`${AUDIT_PART}${record.seq}`);
    const { seq, at, kind, actor, channel } = record;
    const exact = { html: scriptJson(record) };
    yield html`\n<tr>${{ html: RECORD_START }}${exact}${{ html: RECORD_END }}<td>${seq}</td><td>${calendar.time(at)}</td><td>${kind}</td><td>${actor}, ${channel}</td></tr>`
      .html;
  }
  yield part('end of the records');
  yield '\n</tbody></table></details></section>';
}

/** Between these a row holds its record exactly as it is hashed; the page's check and `rungate verify` read it there. */
export const RECORD_START = '<script type="application/json">';
export const RECORD_END = '</script>';
