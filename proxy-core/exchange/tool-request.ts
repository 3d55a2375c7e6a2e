import { type Failure, failure } from '../contract/failures.ts';
import type { ToolCall } from '../wire/format.ts';
import { scanJson } from '../wire/json-scan.ts';

/**
 * A call of the tool invocation API (behaviour §2): `{"args": {…}, "call_id": "…"}`. It is judged exactly as the
 * same call in a model's answer would be; the arguments are taken as text, so that nothing is lost in parsing.
 */
export interface ToolRequest {
  readonly call: ToolCall;
  readonly callId: string;
}

const CALL_ID = /^[\x21-\x7e]{1,256}$/;
const TOOL_NAME = /^[A-Za-z0-9_.:/-]{1,128}$/;

/** Read the body of a call of tool `name`, or the refusal that says what is missing. */
export function readToolRequest(name: string, body: Uint8Array, value: unknown): ToolRequest | Failure {
  if (!TOOL_NAME.test(name)) return refuse('The tool’s name may hold 1 to 128 of A-Z a-z 0-9 _ . : / -');
  const record = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const callId = record['call_id'];
  if (typeof callId !== 'string' || !CALL_ID.test(callId)) {
    return refuse('call_id is missing: one approved call never covers another, so each call needs its own.');
  }
  const unknown = Object.keys(record).find((key) => key !== 'args' && key !== 'call_id');
  if (unknown !== undefined) return refuse(`The body may hold args and call_id only, not ${unknown.slice(0, 40)}.`);
  const scan = scanJson(body);
  const args = scan.kind === 'scanned' ? scan.members.find((member) => member.key === 'args') : undefined;
  const argsText = args === undefined ? '{}' : new TextDecoder().decode(body.subarray(args.start, args.end));
  return { callId, call: { id: callId, name, kind: 'function', argsText } };
}

const refuse = (message: string): Failure =>
  failure('invalid_request', message, { recover: 'Send {"args": {…}, "call_id": "a unique id of this call"}.' });
