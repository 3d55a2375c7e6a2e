/**
 * Request bodies as real agents send them: a system prompt, tool declarations, and a conversation of many turns with
 * tool calls and their results. Text is deterministic, compressible like prose and code, and differs from turn to turn.
 */

const WORDS = (
  'the agent reads a file and finds that function test module import return value error request response budget policy ' +
  'gate approve reject stream token cost price run step store commit durable chain verify const let await async export ' +
  'interface readonly string number boolean undefined null path line column stack trace warning branch merge commit diff'
).split(' ');

/** A small deterministic generator (mulberry32), so that every run measures the same bytes. */
export function createNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Prose of about so many characters. */
export function proseOf(characters: number, next: () => number): string {
  const words: string[] = [];
  for (let length = 0; length < characters; ) {
    const word = WORDS[Math.floor(next() * WORDS.length)] ?? 'word';
    const text = next() < 0.12 ? `${word}_${Math.floor(next() * 100_000)}` : word;
    words.push(text);
    length += text.length + 1;
  }
  return words.join(' ').slice(0, characters);
}

const TOOLS = ['read_file', 'run_command', 'edit_file', 'search'].map((name) => ({
  type: 'function',
  function: {
    name,
    description: `Lets the agent ${name.replace('_', ' ')} in the project folder.`,
    parameters: { type: 'object', properties: { path: { type: 'string' }, text: { type: 'string' } } },
  },
}));

export type Message = Readonly<Record<string, unknown>>;

/** One turn of an agent: a thought with a tool call, and the tool's result of about so many characters. */
export function turnOf(index: number, characters: number, next: () => number): readonly Message[] {
  const id = `call_${String(index).padStart(6, '0')}`;
  const args = JSON.stringify({ path: `src/module-${index}.ts`, text: proseOf(80, next) });
  return [
    {
      role: 'assistant',
      content: proseOf(160, next),
      tool_calls: [{ id, type: 'function', function: { name: 'read_file', arguments: args } }],
    },
    { role: 'tool', tool_call_id: id, content: proseOf(characters, next) },
  ];
}

const SYSTEM = { role: 'system', content: 'You are a careful engineer. '.repeat(20) };

/** The JSON of a chat request with these turns. */
export function renderChat(model: string, turns: readonly Message[], extra: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ model, messages: [SYSTEM, ...turns], tools: TOOLS, max_tokens: 500, ...extra });
}

/** Where the number of a request is written into a body, so that no two requests are the same. */
const MARK = '#00000000#';

/** Bodies of about `bytes` bytes that differ in their last message only, as consecutive calls of an agent do. */
export function createBodies(
  bytes: number,
  extra: Readonly<Record<string, unknown>> = {},
): (model: string) => Uint8Array {
  const templates = new Map<string, Buffer>();
  let count = 0;
  return (model) => {
    const template = templates.get(model) ?? Buffer.from(renderBody(model, bytes, extra));
    templates.set(model, template);
    count += 1;
    const body = Buffer.from(template);
    body.write(String(count).padStart(MARK.length - 2, '0'), body.lastIndexOf(MARK) + 1, 'latin1');
    return body;
  };
}

const LARGE_TURN = 2_000;

function renderBody(model: string, bytes: number, extra: Readonly<Record<string, unknown>>): string {
  const last = { role: 'user', content: `Go on, please. ${MARK}` };
  if (bytes <= 2_048) {
    const short = (text: string): string =>
      JSON.stringify({ model, messages: [{ role: 'user', content: text }, last], ...extra });
    const next = createNumbers(1);
    return short(proseOf(Math.max(0, bytes - short('').length), next));
  }
  const next = createNumbers(bytes);
  const turns: Message[] = [];
  for (let size = 2_000, index = 0; size < bytes; index += 1) {
    const turn = turnOf(index, LARGE_TURN, next);
    turns.push(...turn);
    size += JSON.stringify(turn).length;
  }
  return renderChat(model, [...turns, last], extra);
}
