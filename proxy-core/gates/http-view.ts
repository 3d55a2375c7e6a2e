import type { ActionView } from '../contract/gate-card.ts';
import { type Args, asArgs, textUnder } from './view-args.ts';

/** An HTTP call out of a tool's arguments. */
export type HttpView = Pick<Extract<ActionView, { view: 'http' }>, 'method' | 'url' | 'host' | 'headers' | 'body'>;

const URL_KEYS = ['url', 'uri', 'href', 'endpoint', 'link'];
const BODY_KEYS = ['body', 'data', 'json', 'payload', 'form'];
const HOST = /^\s*(?:[a-z][a-z\d+.-]*:)?\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^:/?#\s]+)/i;
const METHOD = /(?:^|[^a-z])(get|post|put|patch|delete|head|options)(?:$|[^a-z])/i;

/** The call; null where there is not exactly one address, so that the arguments are shown as they are. */
export function readHttp(tool: string, args: unknown): HttpView | null {
  const given = typeof args === 'string' ? { url: args } : asArgs(args);
  if (given === null) return null;
  const url = textUnder(given, URL_KEYS);
  const host = url === null ? undefined : HOST.exec(url)?.[1];
  if (url === null || host === undefined) return null;
  const body = bodyOf(given);
  return {
    method: methodOf(tool, given, body !== null),
    url,
    host: host.toLowerCase(),
    headers: headersOf(given['headers']),
    body,
  };
}

function methodOf(tool: string, args: Args, hasBody: boolean): string {
  const said = textUnder(args, ['method', 'http_method', 'verb']);
  if (said !== null && said !== '') return said.toUpperCase();
  const named = METHOD.exec(tool.replace(/([a-z\d])([A-Z])/g, '$1_$2'))?.[1];
  return named?.toUpperCase() ?? (hasBody ? 'POST' : 'GET');
}

function bodyOf(args: Args): string | null {
  for (const key of BODY_KEYS) {
    const body = args[key];
    if (body === undefined || body === null) continue;
    return typeof body === 'string' ? body : JSON.stringify(body);
  }
  return null;
}

type Header = HttpView['headers'][number];

/** Headers given as an object, as a list of pairs or objects, or as lines. */
function headersOf(value: unknown): Header[] {
  if (typeof value === 'string')
    return value
      .split(/\r?\n/)
      .filter((line) => line !== '')
      .map(lineHeader);
  if (Array.isArray(value)) return value.map(listedHeader);
  return Object.entries(asArgs(value) ?? {}).map(([name, content]) => masked(name, textOf(content)));
}

function listedHeader(item: unknown): Header {
  if (typeof item === 'string') return lineHeader(item);
  if (Array.isArray(item)) return masked(textOf(item[0]), textOf(item[1]));
  const given = asArgs(item) ?? {};
  return masked(textUnder(given, ['name', 'key', 'header']) ?? '', textOf(given['value']));
}

function lineHeader(line: string): Header {
  const at = line.indexOf(':');
  return at < 0 ? masked(line, '') : masked(line.slice(0, at), line.slice(at + 1).trim());
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

const CREDENTIAL = /authorization|cookie|token|secret|password|passwd|api[-_]?key|x-[a-z-]*key|signature|credential/i;
const SCHEME = /^(?:Basic|Bearer|Digest|Token|Negotiate|AWS4-HMAC-SHA256|ApiKey)\s/i;

/** A credential's value is hidden but for its scheme and length: a reviewer needs to know that one is sent, not which. */
function masked(name: string, value: string): Header {
  if (!CREDENTIAL.test(name) || value === '') return { name, value };
  const scheme = SCHEME.exec(value)?.[0] ?? '';
  return { name, value: `${scheme}••• (${value.length - scheme.length} characters)` };
}
