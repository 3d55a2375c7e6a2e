import type { AuditRecord, GateRecord, StepRecord } from '../../contract/records.ts';
import { maskJsonText } from '../../redaction/mask-json.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { redactFields, type Sha256 } from '../chain.ts';
import type {
  ExportedArtifact,
  ExportedCall,
  ExportedRequest,
  ExportedResponse,
  ExportedStep,
  ExportedText,
  RunSource,
} from './source.ts';

/** A source without secrets (and, if asked, without prompts and answers). `masked` is complete once it has been walked. */
export interface RedactedSource extends RunSource {
  readonly masked: number;
}

/**
 * Fields of audit records, and details of steps, that never hold a part of a prompt or an answer. Everything else is
 * reduced to its digest when prompts are left out: a new field is left out until it is listed here.
 */
const PLAIN_FIELDS = new Set(
  `exchange_id agent_id gate_id grant_id artifact_id rule policy state before cap_nano spent_nano reserved_nano cost_nano
   amount_nano requested_nano estimated scope subject window alert_at failure action_hash proposed_actions_sha256
   proposed_actions_bytes expires_at effective_at waited_ms status bytes sha256 kind fingerprint approver_channels reason
   why model answered_model provider ended_at usage finish_reason retry_of subagent side call_id name server args_length
   is_error content_type gate_kind gate_state message tools calls gated_exchange_id decided_at decided_by channel
   released_at outcome_unknown threshold stage recover tool blocked_exchange_id withheld withheld_from withheld_bytes
   withheld_sha256 sent sent_status sent_type sent_bytes sent_sha256 blocked_actions_sha256 blocked_actions_bytes`.split(
    /\s+/,
  ),
);

/** Mask what leaves; see `Redactor`. Hashes stay those of the original. */
export function redactSource(source: RunSource, redactor: Redactor, sha256: Sha256): RedactedSource {
  const { prompts } = source.about;
  let masked = 0;
  const tree = <T>(value: T): T => {
    const result = redactor.tree(value);
    masked += result.masked;
    return result.value as T;
  };
  const text = (value: string): string => {
    const result = redactor.text(value);
    masked += result.masked;
    return result.value;
  };
  const hashed = (value: unknown): unknown =>
    value === null || value === undefined ? null : { sha256: sha256(JSON.stringify(value)) };

  const stored = <T extends ExportedText>(content: T): T => {
    if (!prompts) return { ...content, text: null };
    if (content.text === null || content.encoding === 'base64') return content;
    return { ...content, text: maskJsonText(content.text, text, tree) };
  };
  const request = (body: ExportedRequest): ExportedRequest => ({
    ...body,
    pieces: body.pieces.map(stored),
    news: !prompts ? [] : body.pieces.some((piece) => piece.text !== null) ? uncounted(body.news) : tree(body.news),
  });
  /** Read from what `stored` has masked and counted: the same secrets a second time. */
  const uncounted = <T>(value: T): T => redactor.tree(value).value as T;
  const response = (body: ExportedResponse): ExportedResponse => {
    if (!prompts) return { ...body, text: null, said: [] };
    return body.text === null ? { ...body, said: tree(body.said) } : { ...stored(body), said: uncounted(body.said) };
  };
  const call = (one: ExportedCall): ExportedCall => ({
    exchange: tree(one.exchange),
    request: one.request === null ? null : request(one.request),
    response: one.response === null ? null : response(one.response),
  });
  const detailOf = ({ detail }: StepRecord): StepRecord['detail'] => {
    if (prompts) return tree(detail);
    const entries = Object.entries(detail).map(([name, value]) => [
      name,
      PLAIN_FIELDS.has(name) ? value : hashed(value),
    ]);
    return tree(Object.fromEntries(entries) as StepRecord['detail']);
  };
  const step = (one: ExportedStep): ExportedStep => ({
    step: { ...one.step, summary: text(one.step.summary), detail: detailOf(one.step) },
    call: one.call === null ? null : call(one.call),
  });
  const gate = (one: GateRecord): GateRecord =>
    tree({
      ...one,
      proposed_actions: one.proposed_actions.map((action) => ({
        ...action,
        args: prompts ? action.args : hashed(action.args),
      })),
      explanation: prompts ? one.explanation : [],
      suggested_args: prompts ? one.suggested_args : hashed(one.suggested_args),
    });
  /** A field with a secret in it becomes its digest, so that the record still verifies. */
  const record = (one: AuditRecord): AuditRecord => {
    const hidden = Object.entries(one.fields).filter(([name, field]) => {
      if ('digest' in field) return false;
      if (!prompts && !PLAIN_FIELDS.has(name)) return true;
      const found = redactor.tree({ [name]: field.value }).masked;
      masked += found;
      return found > 0;
    });
    const names = hidden.map(([name]) => name);
    return names.length === 0 ? one : redactFields(one, names, sha256);
  };

  const artifact = ({ artifact: about, content }: ExportedArtifact): ExportedArtifact => ({
    artifact: tree(about),
    content: stored(content),
  });
  const { about, waitedMs } = source;
  return {
    about,
    waitedMs,
    run: tree(source.run),
    budgets: tree(source.budgets),
    gates: source.gates.map(gate),
    grants: tree(source.grants),
    artifacts: source.artifacts.map(artifact),
    tally: { ...source.tally, blocks: tree(source.tally.blocks) },
    *steps() {
      for (const one of source.steps()) yield step(one);
    },
    *audit() {
      for (const one of source.audit()) yield record(one);
    },
    get masked() {
      return masked;
    },
  };
}
