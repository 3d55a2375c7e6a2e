import type { Random } from '../random.ts';
import { type Mutation, refundArgs, type StreamEvent } from './draft.ts';

/** What stands between an answer's meaning and its bytes: JSON text, event-stream lines, headers, and how much of it arrives. */

/** An answer as text. A JSON answer is one piece, a stream one piece for each event. */
export interface Encoded {
  pieces: string[];
  contentType: string;
  readonly stream: boolean;
}

/** One event as the providers write it. */
export function frameOf({ event, data }: StreamEvent): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${event === null ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}

const edit = (encoded: Encoded, change: (piece: string) => string): void => {
  encoded.pieces = encoded.pieces.map(change);
};

/** Change some pieces, at least one. */
function editSome(encoded: Encoded, random: Random, change: (piece: string) => string): void {
  const chosen = random.below(encoded.pieces.length);
  encoded.pieces = encoded.pieces.map((piece, i) => (i === chosen || random.chance(0.3) ? change(piece) : piece));
}

/** Put a line in front of an event's first data line, or behind its last. */
const withLine = (frame: string, line: string, before: boolean): string =>
  before ? frame.replace(/^(?=data)/m, `${line}\n`) : frame.replace(/\n\n$/, `\n${line}\n\n`);

/** A whole call as one event of any format, for lines that only some readers take for data. */
const callEvent = (random: Random): string => {
  const args = refundArgs(random, true).replaceAll('\n', ' ');
  const chat = {
    choices: [
      {
        index: 0,
        delta: {
          tool_calls: [
            { index: 0, id: 'call_l', type: 'function', function: { name: 'issue_refund', arguments: args } },
          ],
        },
      },
    ],
  };
  const item = {
    type: 'function_call',
    id: 'fc_l',
    call_id: 'call_l',
    name: 'issue_refund',
    arguments: args,
    status: 'completed',
  };
  const block = { type: 'tool_use', id: 'call_l', name: 'issue_refund', input: JSON.parse(args) as unknown };
  return JSON.stringify(
    random.pick<unknown>([
      chat,
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'content_block_start', index: 0, content_block: block },
    ]),
  );
};

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Kinds that any answer can have. */
export const ANY_TEXT: readonly Mutation<Encoded>[] = [
  {
    kind: 'json: a key said twice',
    mayRefuse: 'clients whose JSON reader keeps the first of two, or refuses both',
    apply(encoded, random) {
      random.marks.add('gated');
      const args = escaped(refundArgs(random, random.chance(0.7)).replaceAll('\n', ' '));
      const said = random.pick([
        [/"name":"\w+"/, ['"name":"read_file",', '"name":"issue_refund",']],
        [/"arguments":/, [`"arguments":"${args}",`]],
        [/"input":/, ['"input":{"amount_usd":600},', '"input":{},']],
        [
          /"(?:tool_calls|content|output|choices|delta|message|item|content_block)":/,
          ['"tool_calls":[],', '"content":[],', '"delta":{},'],
        ],
        [/amount_usd\\":/, ['amount_usd\\":600,\\"amount_usd\\":', 'amount_usd\\":10,\\"amount_usd\\":']],
      ] as const);
      const [where, added] = said;
      edit(encoded, (piece) =>
        piece.replace(where, (match) =>
          where.source.startsWith('amount') ? random.pick(added) : random.pick(added) + match,
        ),
      );
    },
  },
  {
    kind: 'json: letters of a key or text escaped',
    apply(encoded, random) {
      const word = random.pick([
        '"name"',
        '"arguments"',
        '"tool_calls"',
        '"type"',
        'issue_refund',
        '"content_block"',
        '"item"',
        '"input"',
      ]);
      const at = 1 + random.below(word.length - 2);
      const code = word.charCodeAt(at).toString(16).padStart(4, '0');
      edit(encoded, (piece) => piece.replaceAll(word, `${word.slice(0, at)}\\u${code}${word.slice(at + 1)}`));
    },
  },
  {
    kind: 'json: keys in another case',
    mayRefuse: 'clients in Go, whose JSON reader does not mind the case of keys',
    apply(encoded, random) {
      const key = random.pick([
        'tool_calls',
        'function',
        'name',
        'arguments',
        'content_block',
        'input',
        'item',
        'output',
        'delta',
      ]);
      const other = random.pick([key.toUpperCase(), key.replace(/^./, (letter) => letter.toUpperCase())]);
      edit(encoded, (piece) => piece.replaceAll(`"${key}":`, `"${other}":`));
    },
  },
  {
    kind: 'json: numbers, white space and marks at the borders of JSON',
    apply(encoded, random) {
      const change = random.pick<(piece: string) => string>([
        (piece) => piece.replaceAll(',"', ' ,\t"'),
        (piece) => piece.replaceAll('"created":1,', '"created":1.0e0,'),
        (piece) => piece.replaceAll('"created":1,', '"created":123456789012345678901234567890,'),
        (piece) => piece.replaceAll('amount_usd\\":', 'amount_usd\\" : '),
        (piece) => piece.replaceAll('I will see', 'I \u2028\ud800\\ud83d\\ude00 will see'),
        (piece) => piece.replaceAll('600', '6e2'),
      ]);
      edit(encoded, change);
    },
  },
  {
    kind: 'json: text that is no JSON',
    apply(encoded, random) {
      editSome(encoded, random, (piece) =>
        piece.replace(random.pick([/\}(?=\n\n$|$)/, /"(?=[:,])/, /\{/, /,/]), random.pick(['', '}}', "'", 'NaN'])),
      );
    },
  },
  {
    kind: 'answer: another content type',
    apply(encoded, random) {
      const charset = random.pick(['; charset=utf-8', ';charset=UTF-8', '; charset=iso-8859-1']);
      encoded.contentType = random.pick([
        `${encoded.contentType}${charset}`,
        encoded.contentType.toUpperCase(),
        'text/plain',
        'application/octet-stream',
        encoded.stream ? 'application/json' : 'text/event-stream',
      ]);
    },
  },
  {
    kind: 'answer: cut short',
    apply(encoded, random) {
      const kept = encoded.pieces.slice(0, 1 + random.below(encoded.pieces.length));
      const last = kept.pop() ?? '';
      encoded.pieces = [...kept, random.chance(0.5) ? last : last.slice(0, random.below(last.length + 1))];
    },
  },
];

/** Kinds of event streams only. */
export const STREAM_TEXT: readonly Mutation<Encoded>[] = [
  {
    kind: 'sse: other line ends',
    apply(encoded, random) {
      const ends = random.pick([['\r\n'], ['\r'], ['\r\n', '\n'], ['\r', '\n', '\r\n']]);
      edit(encoded, (piece) => piece.replaceAll('\n', () => random.pick(ends)));
    },
  },
  {
    kind: 'sse: a byte order mark in front',
    apply(encoded) {
      encoded.pieces.unshift('\uFEFF');
    },
  },
  {
    kind: 'sse: a byte order mark inside',
    mayRefuse: 'clients whose decoder drops it wherever a chunk begins',
    apply(encoded, random) {
      editSome(encoded, random, (piece) => `\uFEFF${piece}`);
    },
  },
  {
    kind: 'sse: white space around the colon',
    apply(encoded, random) {
      const colon = random.pick(['data:', 'data:  ', 'data:\t']);
      edit(encoded, (piece) => piece.replace(/^data: /m, colon));
    },
  },
  {
    kind: 'sse: comments, ids and times',
    apply(encoded, random) {
      const line = () =>
        random.pick([': OPENROUTER PROCESSING', ':', 'id: 7', 'retry: 1000', 'id', 'foo: bar', 'event']);
      editSome(encoded, random, (piece) => withLine(piece, line(), random.chance(0.5)));
      if (random.chance(0.6)) encoded.pieces.unshift(`${line()}\n\n`);
    },
  },
  {
    kind: 'sse: data without a colon',
    apply(encoded, random) {
      editSome(encoded, random, (piece) => withLine(piece, random.pick(['data', 'data:']), random.chance(0.5)));
    },
  },
  {
    kind: 'sse: data over several lines',
    apply(encoded, random) {
      editSome(encoded, random, (piece) =>
        piece.replace(/^data: (\{.*)$/m, (_, json: string) => {
          try {
            return JSON.stringify(JSON.parse(json), null, 1).replace(/^/gm, 'data: ');
          } catch {
            return `data: ${json}`;
          }
        }),
      );
    },
  },
  {
    kind: 'sse: events that no blank line parts',
    apply(encoded, random) {
      editSome(encoded, random, (piece) => piece.replace(/\n\n$/, '\n'));
    },
  },
  {
    kind: 'sse: lines that only lenient readers take for data',
    mayRefuse: 'clients that trim lines or do not mind the case of field names',
    apply(encoded, random) {
      const lead = random.pick([
        ' data: ',
        'Data: ',
        'data : ',
        '\tdata: ',
        'DATA:',
        'data=',
        '\u00a0data: ',
        '"data": ',
        '',
      ]);
      editSome(encoded, random, (piece) => withLine(piece, `${lead}${callEvent(random)}`, random.chance(0.5)));
    },
  },
  {
    kind: 'sse: line ends that only Python knows',
    mayRefuse: 'clients in Python, whose str.splitlines parts lines at more characters',
    apply(encoded, random) {
      const end = random.pick(['\u2028', '\u0085', '\u000b', '\u000c', '\u001c']);
      editSome(encoded, random, (piece) =>
        withLine(piece, `: x${end}data: ${callEvent(random)}${end}${end}`, random.chance(0.5)),
      );
    },
  },
  {
    kind: 'sse: no blank line at the end',
    apply(encoded, random) {
      const last = encoded.pieces.pop() ?? '';
      encoded.pieces.push(random.chance(0.5) ? last.replace(/\n\n$/, '\n') : last.trimEnd());
    },
  },
  {
    kind: 'sse: another spelling of [DONE]',
    apply(encoded, random) {
      const done = random.pick([
        'data:[DONE]\n\n',
        'data: [DONE] \n\n',
        'data: [done]\n\n',
        'event: done\ndata: [DONE]\n\n',
        'data: [DONE]\n',
        'data: "[DONE]"\n\n',
      ]);
      if (encoded.pieces.at(-1)?.includes('[DONE]')) encoded.pieces.pop();
      encoded.pieces.push(done);
    },
  },
  {
    kind: 'sse: [DONE] too early',
    apply(encoded, random) {
      encoded.pieces.splice(random.below(encoded.pieces.length), 0, 'data: [DONE]\n\n');
    },
  },
  {
    kind: 'sse: events that are no objects',
    apply(encoded, random) {
      const said = random.pick(['null', '[]', '""', '0', '{}', '[{"choices":[]}]', 'ok']);
      encoded.pieces.splice(random.below(encoded.pieces.length + 1), 0, `data: ${said}\n\n`);
    },
  },
];
