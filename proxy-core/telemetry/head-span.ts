import { createHash } from 'node:crypto';
import type { SpanFacts } from '../audit/export/otlp-spans.ts';
import type { SignedHead } from '../audit/signed-head.ts';
import type { Anchor } from '../signing/anchor.ts';

/** Signed heads of the audit as spans of a trace of their own: a collector on another machine is a witness that stays. */
export const anchorOf = (endpoint: string, emit: (span: SpanFacts) => void): Anchor => ({
  name: `otlp ${endpoint}`,
  async write(head) {
    emit(headSpan(head));
  },
});

function headSpan(head: SignedHead): SpanFacts {
  const id = (what: string): string => createHash('sha256').update(`rungate head\n${what}`).digest('hex');
  return {
    traceId: id(head.installation).slice(0, 32),
    spanId: id(`${head.installation}\n${head.seq}\n${head.hash}`).slice(0, 16),
    parentSpanId: null,
    name: 'rungate.audit_head',
    kind: 'internal',
    startMs: head.at,
    endMs: head.at,
    error: null,
    links: [],
    attributes: {
      'rungate.installation': head.installation,
      'rungate.audit_seq': head.seq,
      'rungate.audit_hash': head.hash,
      'rungate.audit_signature': head.signature,
    },
  };
}
