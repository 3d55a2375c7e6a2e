/**
 * Events of our own as SSE text.
 *
 * Threat: what they say holds text that models and agents chose. Nothing of it may end an event, so data is split at every
 * line end that any client knows.
 */

/** Anthropic's in-stream error event. */
export const renderErrorEvent = (body: string): string => renderEvent('error', body);

/** OpenAI's in-stream error: an event without a name whose data has an `error`. */
export const renderErrorData = (body: string): string => renderEvent(null, body);

/** Where some clients end a line although the standard does not (`str.splitlines`, by which httpx cuts lines). */
const ODD_LINE_END = /(?![\t\r\n])[\p{Cc}\p{Zl}\p{Zp}]/gu;
const escaped = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Exactly one SSE event, whatever line ends the JSON data holds. The name must be a word of ours. */
export function renderEvent(event: string | null, data: string): string {
  const lines = data
    .replace(ODD_LINE_END, escaped)
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`);
  return `${event === null ? '' : `event: ${event}\n`}${lines.join('')}\n`;
}
