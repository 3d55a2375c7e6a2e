/**
 * Threat: a webhook's address decides where the proposed actions of agents go, and its secret lets a receiver trust
 * them. So every connection is judged by the same guard as a provider's, redirects are not followed, the signing
 * secret is only ever given to the signer, and no address, secret or answer gets into a message.
 */
import { randomUUID } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Pool } from 'undici';
import type { Clock } from '../ports.ts';
import type { Secret } from '../providers/secrets.ts';
import { describeFailure } from '../providers/upstream-failure.ts';
import { guardedConnector, openPool } from '../providers/upstream-pool.ts';
import { absoluteTarget, DIRECT_WAY, type WayOut } from '../providers/way-out.ts';
import { type Channel, DELIVERED, type DeliveryResult, type FailedDelivery, type OutgoingNotice } from './channel.ts';

export interface WebhookSettings {
  readonly kind: 'webhook';
  /** Its name in the configuration; `webhook://NAME` is what policies call it. */
  readonly name: string;
  readonly url: URL;
  /** `whsec_` and base64, or any text, whose UTF-8 bytes are the key. */
  readonly secret: Secret;
  readonly events: readonly string[];
}

/** What a webhook needs of its host. */
export interface WebhookPorts {
  /** The receiver compares it with its own clock. */
  readonly clock: Clock;
  /** Resolves names; the guard judges what it returns. Default: the system's. */
  readonly lookup?: LookupFunction;
  /** The network's proxy and the certificate authorities. Default: directly, with the system's. */
  readonly way?: WayOut;
  /** How long a delivery may take in all, ms. Default 10 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** An answer is read only so that the connection ends cleanly; a longer one is cut. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A webhook that posts signed JSON (Standard Webhooks). Throws an Error that names it if its secret cannot sign. */
export function openWebhook(settings: WebhookSettings, ports: WebhookPorts): Channel {
  const signer = signerOf(settings);
  const timeoutMs = ports.timeoutMs ?? TIMEOUT_MS;
  const way = ports.way ?? DIRECT_WAY;
  const options = { connectTimeoutMs: timeoutMs, headersTimeoutMs: timeoutMs, chunkTimeoutMs: timeoutMs, way };
  const guarded = ports.lookup === undefined ? options : { ...options, lookup: ports.lookup };
  const pool = openPool(settings.url.origin, guarded, guardedConnector(guarded));

  const deliver = async ({ eventId, payload }: OutgoingNotice): Promise<DeliveryResult> => {
    const signedAt = new Date(ports.clock.now());
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'rungate',
      'webhook-id': eventId,
      'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1000)),
      'webhook-signature': signer.sign(eventId, signedAt, payload),
    };
    const { pathname, search } = settings.url;
    const via = absoluteTarget(way, settings.url);
    const [name, value] = via?.headers ?? [];
    const all = name === undefined || value === undefined ? headers : { ...headers, [name]: value };
    const path = (via?.prefix ?? '') + pathname + search;
    return judge(await post(pool, { path, headers: all, body: payload, timeoutMs }), timeoutMs);
  };

  const name = `webhook://${settings.name}`;
  return {
    name,
    kind: 'webhook',
    events: settings.events,
    deliver,
    test() {
      const timestamp = new Date(ports.clock.now()).toISOString();
      const payload = JSON.stringify({ type: 'channel.test', timestamp, data: { channel: name } });
      return deliver({ eventId: `evt_${randomUUID().replaceAll('-', '')}`, event: 'channel.test', payload });
    },
    close: () => pool.destroy(),
  };
}

function signerOf({ name, secret }: WebhookSettings): Webhook {
  const text = secret.reveal();
  try {
    if (text.startsWith('whsec_')) return new Webhook(text);
    return new Webhook(new TextEncoder().encode(text), { format: 'raw' });
  } catch {
    // The library's own message is not passed on: it knows the secret.
    throw new Error(`Webhook ${name}: its secret must be whsec_ and base64, or any other text that is not empty`);
  }
}

interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
}

type Answer =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'broken'; readonly error: unknown };

/** Post once, on a connection of its own: an idle one may be dead, and notices are rare. */
async function post(pool: Pool, { path, headers, body, timeoutMs }: Post): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await pool.request({ method: 'POST', path, headers, body, signal, reset: true });
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
    return { kind: 'status', status: answer.statusCode };
  } catch (error) {
    return signal.aborted ? { kind: 'timeout' } : { kind: 'broken', error };
  }
}

function judge(answer: Answer, timeoutMs: number): DeliveryResult {
  switch (answer.kind) {
    case 'timeout':
      return failed(`no answer within ${timeoutMs / 1000} s`);
    case 'broken': {
      const error = answer.error instanceof Error ? answer.error : new Error('unknown error');
      return failed(describeFailure(error, 'headers').detail);
    }
    case 'status':
      return judgeStatus(answer.status);
  }
}

function judgeStatus(status: number): DeliveryResult {
  if (status >= 200 && status < 300) return DELIVERED;
  // Standard Webhooks: the receiver has gone for good.
  if (status === 410) return { kind: 'failed', retryable: false, detail: 'the receiver answered 410 Gone' };
  const redirect = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  return failed(`the receiver answered ${status}${redirect}`);
}

const failed = (detail: string): FailedDelivery => ({ kind: 'failed', retryable: true, detail });
