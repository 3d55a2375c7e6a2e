/** Bodies as people read them. */

/** A body's text as indented JSON, or null where it is not JSON. Number literals and key order are as they were. */
export function prettyJson(text: string): string | null {
  const first = /^\s*([[{])/.exec(text);
  if (first === null) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return indent(text);
}

/** Indents valid JSON without parsing its values: what is shown is what was sent, to the digit. */
function indent(text: string): string {
  const out: string[] = [];
  let depth = 0;
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"{}[\],:]+|\{\s*\}|\[\s*\]|[{}[\],:]/gs)) {
    if (/^[{[]\s*[}\]]$/.test(token)) out.push(`${token.at(0)}${token.at(-1)}`);
    else if (token === '{' || token === '[') {
      depth += 1;
      out.push(token, line());
    } else if (token === '}' || token === ']') {
      depth -= 1;
      out.push(line(), token);
    } else if (token === ',') out.push(',', line());
    else if (token === ':') out.push(': ');
    else out.push(token);
  }
  return out.join('');
}

/** One event of an event stream, its text as it came. */
export interface StreamEvent {
  readonly event: string | null;
  readonly text: string;
}

/** The events of a (possibly cut) event stream; comments are left out. WHATWG HTML §9.2.6. */
export function readEvents(text: string): readonly StreamEvent[] {
  const blocks = text.replaceAll(/\r\n?/g, '\n').split(/\n{2,}/);
  return blocks.flatMap((block) => {
    const fields = block.split('\n').map((line) => /^([^:]*):? ?(.*)$/s.exec(line));
    const data = fields.filter((field) => field?.[1] === 'data').map((field) => field?.[2] ?? '');
    const event = fields.find((field) => field?.[1] === 'event')?.[2] ?? null;
    return data.length === 0 ? [] : [{ event, text: data.join('\n') }];
  });
}

/** Whether a content type is an event stream. */
export const isEventStream = (contentType: string | null): boolean =>
  contentType?.startsWith('text/event-stream') === true;

/** The text in pieces of so many lines: a browser lays out only the pieces in view. */
export function splitLines(text: string, lines: number): readonly string[] {
  const pieces: string[] = [];
  let from = 0;
  for (let count = 0, at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    count += 1;
    if (count < lines) continue;
    pieces.push(text.slice(from, at));
    from = at + 1;
    count = 0;
  }
  return [...pieces, text.slice(from)];
}
