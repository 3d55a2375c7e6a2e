/**
 * Identifiers carry their kind: `run_`, `xch_`, `gate_`, `agt_`, `pol_`, `art_`. Made ids are time-sortable
 * (UUIDv7, RFC 9562) in Crockford base32; run ids may also be chosen by the agent.
 */
export type IdKind = 'run' | 'xch' | 'gate' | 'agt' | 'pol' | 'art' | 'evt' | 'grant' | 'msg';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** `kind_` plus the 16 bytes of a UUIDv7 as 26 Crockford base32 digits; keeps byte order, so ids sort by time. */
export function renderId(kind: IdKind, uuidBytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of uuidBytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i += 1) {
    text = CROCKFORD.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return `${kind}_${text}`;
}

const RUN_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const AGENT_TOKEN = /^rg_agt_[A-Za-z0-9_-]{16,128}$/;

/** Whether a text may name a run (behaviour §2). */
export const isRunId = (text: string): boolean => RUN_ID.test(text);
/** Whether a text has the form of an agent token (behaviour §2). */
export const isAgentToken = (text: string): boolean => AGENT_TOKEN.test(text);
