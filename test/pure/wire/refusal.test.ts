import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURES, type FailureCode, failure } from '../../../proxy-core/contract/failures.ts';
import { type ClientKind, dialectOf } from '../../../proxy-core/runs/client-table.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { type RefusalTarget, renderRefusal, renderStreamRefusal } from '../../../proxy-core/wire/refusal.ts';
import { createFrameReader, createFramer } from '../../../proxy-core/wire/sse-frames.ts';
import { renderEvent } from '../../../proxy-core/wire/sse-render.ts';
import { utf8 } from './stream-fixtures.ts';

const target = (fields: Partial<RefusalTarget> = {}): RefusalTarget => ({
  format: 'chat',
  dialect: null,
  stream: false,
  wordsAs: null,
  requestId: 'xch_1',
  ...fields,
});
const blocked = failure('policy_blocked', 'Blocked by rule "no-browser".', { rule: 'no-browser' });
const codes = Object.keys(FAILURES) as FailureCode[];

/** The events of an SSE text, as a client reads them. */
function events(text: string): readonly { readonly event: string | null; readonly data: unknown }[] {
  const framer = createFramer();
  const read = createFrameReader();
  const frames = framer.push(utf8(text));
  expect(framer.end()).toBeNull();
  return frames.map((frame) => {
    const content = read(frame);
    if (content.kind !== 'event') throw new Error(`not an event: ${content.kind}`);
    return { event: content.event, data: JSON.parse(content.data) as unknown };
  });
}

describe('renderRefusal', () => {
  it('is one body for both SDK families', () => {
    const { status, headers, body } = renderRefusal(blocked, target());
    expect(status).toBe(403);
    expect(headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'request-id': 'xch_1',
      'x-request-id': 'xch_1',
      'x-should-retry': 'false',
    });
    expect(JSON.parse(body)).toEqual({
      type: 'error',
      message: 'Blocked by rule "no-browser".',
      request_id: 'xch_1',
      error: {
        type: 'permission_denied',
        code: 'policy_blocked',
        message: 'Blocked by rule "no-browser".',
        param: null,
        context: { rule: 'no-browser' },
      },
    });
  });

  it('uses Anthropic’s words for Messages', () => {
    expect(JSON.parse(renderRefusal(blocked, target({ format: 'messages' })).body)).toMatchObject({
      error: { type: 'permission_error' },
    });
  });

  it('names a time to come back exactly where a resend can help', () => {
    for (const code of codes) {
      const { headers } = renderRefusal(failure(code, 'm', {}, 7), target());
      const later = FAILURES[code].retry === 'later';
      expect([code, headers['retry-after']]).toEqual([code, later ? '7' : undefined]);
      expect([code, headers['x-should-retry']]).toEqual([
        code,
        code === 'approval_pending' ? 'true' : later ? undefined : 'false',
      ]);
    }
  });

  it('keeps a pending approval’s pause within what clients accept', () => {
    expect(renderRefusal(failure('approval_pending', 'm', {}, 600), target()).headers['retry-after']).toBe('60');
  });

  it('uses the status a failure carries', () => {
    expect(renderRefusal({ ...failure('host_refused', 'm'), status: 421 }, target()).status).toBe(421);
  });

  it.each([
    ['claude-code', { 400: 410, 403: 410, 404: 410, 415: 410 }],
    ['copilot-cli', { 403: 410 }],
    ['opencode', {}],
  ] as const)(
    '%s gets a final refusal under a status whose message it shows, the others as they are',
    (client, sent) => {
      const statuses: Readonly<Record<number, number>> = sent;
      for (const code of codes) {
        const { status, headers, body } = renderRefusal(
          failure(code, 'Said plainly.'),
          target({ format: 'messages', dialect: dialectOf(client), stream: true }),
        );
        const canonical = FAILURES[code].status;
        const expected = FAILURES[code].retry === 'later' ? canonical : (statuses[canonical] ?? canonical);
        expect([code, status]).toEqual([code, expected]);
        expect([code, headers['x-rungate-status']]).toEqual([
          code,
          expected === canonical ? undefined : String(canonical),
        ]);
        expect(JSON.parse(body)).toMatchObject({ message: 'Said plainly.', error: { code, message: 'Said plainly.' } });
      }
    },
  );

  it('ends a wait with the status that its client comes back after', () => {
    const pending = failure('approval_pending', 'Waiting.');
    const sent = (client: ClientKind) => renderRefusal(pending, target({ dialect: dialectOf(client) }));
    expect(sent('openai-sdk').status).toBe(409);
    for (const client of ['langchain', 'openclaw'] as const) {
      expect(sent(client)).toMatchObject({
        status: 429,
        headers: { 'x-rungate-status': '409', 'x-should-retry': 'true', 'retry-after': '5' },
      });
    }
  });

  it.each(['chat', 'responses', 'messages'] as const)(
    'OpenClaw, which hides errors, reads a final refusal as the words of a whole %s answer, streamed or not',
    (format) => {
      const openclaw = (fields: Partial<RefusalTarget>) =>
        target({ format, dialect: dialectOf('openclaw'), wordsAs: 'gpt-4.1', ...fields });
      for (const stream of [true, false]) {
        const { status, headers, body } = renderRefusal(blocked, openclaw({ stream }));
        const reader = stream ? FORMATS[format].streamReader() : FORMATS[format].jsonReader();
        reader.push(utf8(body));
        reader.end();
        expect(status).toBe(200);
        expect(headers['x-rungate-status']).toBe('403');
        expect(headers['content-type']).toContain(stream ? 'text/event-stream' : 'application/json');
        expect(body).toContain('[Rungate] Blocked by rule \\"no-browser\\".');
        expect(reader.report).toMatchObject({ complete: true, malformed: false, toolCalls: [], error: null });
      }
      expect(renderRefusal(failure('rate_limited', 'm'), openclaw({})).status).toBe(429);
      // Text in place of the JSON that a schema describes would break its reader.
      expect(renderRefusal(blocked, openclaw({ wordsAs: null })).status).toBe(403);
    },
  );

  it('Codex gets a final refusal of a streamed request as a failed response with our message', () => {
    const { status, headers, body } = renderRefusal(
      blocked,
      target({ format: 'responses', dialect: dialectOf('codex'), stream: true }),
    );
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'x-rungate-status': '403' });
    const [created, failed, ...more] = events(body);
    expect(more).toEqual([]);
    expect(created).toMatchObject({
      event: 'response.created',
      data: { type: 'response.created', sequence_number: 0, response: { status: 'in_progress' } },
    });
    expect(failed).toMatchObject({
      event: 'response.failed',
      data: {
        type: 'response.failed',
        sequence_number: 1,
        response: { status: 'failed', error: { code: 'invalid_prompt', message: blocked.message } },
      },
    });
  });

  it('Codex gets the table’s answer where it retries usefully or does not stream', () => {
    const codex = (fields: Partial<RefusalTarget>) =>
      target({ format: 'responses', dialect: dialectOf('codex'), stream: true, ...fields });
    expect(renderRefusal(failure('rate_limited', 'm'), codex({})).status).toBe(429);
    expect(renderRefusal(blocked, codex({ stream: false })).status).toBe(403);
    expect(renderRefusal(blocked, codex({ format: null })).status).toBe(403);
  });
});

describe('C9 text that others chose', () => {
  const nasty = fc.string({
    unit: fc.constantFrom('\r', '\n', '\r\n', '\0', '\u2028', ':', ' ', 'data: x', 'event: y', '"', '\\', 'é'),
    maxLength: 30,
  });

  it('stays inside one event of a stream', () => {
    fc.assert(
      fc.property(nasty, nasty, (message, value) => {
        const hostile = failure('policy_blocked', message, { value, [value]: 1 });
        for (const format of ['chat', 'responses', 'messages'] as const) {
          const parsed = events(renderStreamRefusal(hostile, target({ format, requestId: value })));
          expect(parsed).toHaveLength(1);
          expect(parsed[0]?.data).toMatchObject({ error: { message, context: { value } } });
        }
        expect(
          events(
            renderRefusal(
              hostile,
              target({ format: 'responses', dialect: dialectOf('codex'), stream: true, requestId: value }),
            ).body,
          ),
        ).toHaveLength(2);
      }),
    );
  });

  it('stays inside one event even when it is not JSON', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        for (const format of Object.values(FORMATS)) {
          const framer = createFramer();
          const frames = framer.push(utf8(format.renderStreamError(text)));
          expect([frames.length, framer.end()]).toEqual([1, null]);
        }
        expect(renderEvent(null, text).endsWith('\n\n')).toBe(true);
      }),
    );
  });

  it('never reaches a header', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const hostile = { ...failure('rate_limited', text, { text }), retryAfterSeconds: 3 };
        for (const [name, value] of Object.entries(renderRefusal(hostile, target({ requestId: text })).headers)) {
          expect(`${name}: ${value}`).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
    );
  });
});

describe('renderStreamRefusal', () => {
  it('has each family’s form', () => {
    expect(events(renderStreamRefusal(blocked, target({ format: 'messages' })))[0]).toMatchObject({
      event: 'error',
      data: { type: 'error' },
    });
    expect(events(renderStreamRefusal(blocked, target({ format: 'chat' })))[0]).toMatchObject({
      event: null,
      data: { error: { code: 'policy_blocked' } },
    });
    expect(
      events(renderStreamRefusal(blocked, target({ format: 'responses', dialect: dialectOf('codex') })))[0],
    ).toMatchObject({
      event: 'response.failed',
    });
  });
});
