import { asksAnthropic } from '../models-list.ts';
import type { UpstreamRequest } from '../upstream-call.ts';
import { renderChat, renderCompletion, streamChat, streamCompletion } from './chat.ts';
import { renderEmbeddings } from './embeddings.ts';
import type { JsonObject } from './json.ts';
import { renderMessages, streamMessages } from './messages.ts';
import { composeReply, type DemoReply, type Stamp } from './reply.ts';
import { renderResponses, streamResponses } from './responses.ts';
import { type DemoTurn, readChat, readCompletion, readMessages, readResponses } from './turn.ts';

/** A whole answer, in the pieces in which it is sent. */
export interface DemoAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: readonly string[];
}

interface Conversation {
  readonly read: (body: JsonObject) => DemoTurn;
  readonly render: (turn: DemoTurn, reply: DemoReply, stamp: Stamp) => string;
  readonly stream: (turn: DemoTurn, reply: DemoReply, stamp: Stamp) => string[];
}

const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  '/v1/chat/completions': { read: readChat, render: renderChat, stream: streamChat },
  '/v1/completions': { read: readCompletion, render: renderCompletion, stream: streamCompletion },
  '/v1/messages': { read: readMessages, render: renderMessages, stream: streamMessages },
  '/v1/responses': { read: readResponses, render: renderResponses, stream: streamResponses },
};

const DEMO_MODEL = 'demo-model';
/** The day the demo model was born, as the two families write it. */
const BORN = { seconds: 1_767_225_600, iso: '2026-01-01T00:00:00Z' };

const json = (status: number, text: string): DemoAnswer => ({
  status,
  contentType: 'application/json',
  chunks: [text],
});

/** An error that both SDK families read. */
function problem(status: number, type: string, message: string): DemoAnswer {
  return json(status, JSON.stringify({ type: 'error', error: { type, message, code: null, param: null } }));
}

function converse(conversation: Conversation, body: JsonObject, stamp: Stamp): DemoAnswer {
  const turn = conversation.read(body);
  const reply = composeReply(turn);
  if (!turn.stream) return json(200, conversation.render(turn, reply, stamp));
  return { status: 200, contentType: 'text/event-stream', chunks: conversation.stream(turn, reply, stamp) };
}

function answerPost(path: string, body: JsonObject, stamp: Stamp): DemoAnswer {
  const conversation = CONVERSATIONS[path];
  if (conversation !== undefined) return converse(conversation, body, stamp);
  if (path === '/v1/embeddings') {
    const embeddings = renderEmbeddings(body);
    if (embeddings === null)
      return problem(400, 'invalid_request_error', 'That is too much at once: send fewer inputs.');
    return json(200, embeddings);
  }
  if (path === '/v1/messages/count_tokens') {
    return json(200, JSON.stringify({ input_tokens: readMessages(body).inputTokens }));
  }
  return notFound(path);
}

const notFound = (path: string): DemoAnswer => problem(404, 'not_found_error', `The demo provider has no ${path}.`);

function answerModels(id: string | null, anthropic: boolean): DemoAnswer {
  const model = anthropic
    ? { type: 'model', id: DEMO_MODEL, display_name: 'Demo model', created_at: BORN.iso }
    : { id: DEMO_MODEL, object: 'model', created: BORN.seconds, owned_by: 'rungate' };
  if (id !== null) return id === DEMO_MODEL ? json(200, JSON.stringify(model)) : notFound(`model ${id}`);
  const list = anthropic
    ? { data: [model], has_more: false, first_id: DEMO_MODEL, last_id: DEMO_MODEL }
    : { object: 'list', data: [model] };
  return json(200, JSON.stringify(list));
}

function parseBody(body: Uint8Array | null): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body ?? []).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : null;
  } catch {
    return null;
  }
}

/** The demo's answer to a request; pure but for the stamp's ids. */
export function answerDemo(request: UpstreamRequest, stamp: Stamp): DemoAnswer {
  const path = request.path.replace(/\?.*$/, '');
  const models = /^\/v1\/models(?:\/(.+))?$/.exec(path);
  if (models !== null && request.method === 'GET') {
    return answerModels(models[1] ?? null, asksAnthropic(request.headers));
  }
  if (request.method !== 'POST') return notFound(path);
  const body = parseBody(request.body);
  if (body === null) return problem(400, 'invalid_request_error', 'The body is not a JSON object.');
  return answerPost(path, body, stamp);
}
