import { AUDIT_PART, type Piece, part } from './piece.ts';
import type { RedactedSource } from './redact.ts';

/** The JSON export's own version; `run-export-1.schema.json` describes it. */
export const RUN_EXPORT_SCHEMA = 'rungate.run-export/1';

/**
 * A run as one JSON document, complete: one line for each step and each audit record, so that it can be written, read
 * and verified in pieces. It ends where its seal begins.
 */
export function* renderJson(source: RedactedSource): Generator<Piece> {
  const { about, run } = source;
  yield part('summary');
  yield `{"schema":${JSON.stringify(RUN_EXPORT_SCHEMA)},\n`;
  yield member('about', {
    rungate_version: about.version,
    exported_at: about.exportedAt,
    installation: about.installation,
    key: about.key,
    prompts: about.prompts,
  });
  yield member('run', run);
  yield member('waited_ms', source.waitedMs);
  yield member('budgets', source.budgets);
  yield* list('gates', source.gates, (gate) => `gate ${gate.gate_id}`);
  yield* list('grants', source.grants, (grant) => `grant ${grant.grant_id}`);
  yield* list('artifacts', flatArtifacts(source), ({ artifact_id }) => `artifact ${artifact_id}`);
  yield* list('steps', flatSteps(source), ({ step }) => `step ${step}`);
  yield* list('audit', source.audit(), ({ seq }) => `${AUDIT_PART}${seq}`);
  yield part('end');
  yield `"masked":${source.masked},`;
}

function* flatArtifacts(source: RedactedSource) {
  for (const { artifact, content } of source.artifacts) yield { ...artifact, content };
}

function* flatSteps(source: RedactedSource) {
  for (const { step, call } of source.steps()) {
    if (call === null) yield { ...step, call: null };
    else yield { ...step, call: { ...call.exchange, request: call.request, response: call.response } };
  }
}

const member = (name: string, value: unknown): string => `"${name}":${JSON.stringify(value)},\n`;

/** A member that is a list, one item a line, each a part of its own with its comma before it. */
function* list<T>(name: string, items: Iterable<T>, called: (item: T) => string): Generator<Piece> {
  yield `"${name}":[`;
  let first = true;
  for (const item of items) {
    yield part(called(item));
    yield `${first ? '' : ','}\n${JSON.stringify(item)}`;
    first = false;
  }
  yield part(`end of ${name}`);
  yield '\n],\n';
}
