import { ownText } from '../contract/own-text.ts';
import { ANSWER_LENGTH, type PassedAnswer } from '../runs/shared-passage.ts';
import type { StoreReader } from '../store/store.ts';
import { FORMATS } from '../wire/formats.ts';

/** Longer stored answers are not read: a summary is short, bytes. */
const READ_BYTES = 512 * 1024;
/** Most that is read of one agent's answers, bytes. */
const READ_IN_ALL = 4 * 1024 * 1024;

/** The texts of the latest stored answers of an agent's open runs, oldest first. Read once after a start, so bounded. */
export function readPassedAnswers(
  read: StoreReader,
  agentId: string,
  since: number,
  most: number,
): readonly Omit<PassedAnswer, 'hashes'>[] {
  let left = READ_IN_ALL;
  const found: Omit<PassedAnswer, 'hashes'>[] = [];
  for (const { exchangeId, runId, at, format, stream } of read.passedAnswers(agentId, since, most).toReversed()) {
    const body = left <= 0 ? null : read.responseBody(exchangeId);
    if (body === null || body.length > READ_BYTES) continue;
    left -= body.length;
    const reader = stream ? FORMATS[format].streamReader() : FORMATS[format].jsonReader();
    reader.push(body);
    reader.end();
    found.push({ runId, at, text: ownText(reader.text, ANSWER_LENGTH) });
  }
  return found.reverse();
}
