import type { CallbackResponse, OnBeforeRequestListenerDetails, WebRequest } from 'electron';
import type { RequestFacts } from './messages.ts';
import { failOnGaps } from './not-implemented.ts';

type Listener = (details: OnBeforeRequestListenerDetails, callback: (response: CallbackResponse) => void) => void;

/** One session's rule on requests that leave for the network: the app may cancel them. */
export interface RequestRule {
  readonly api: Partial<WebRequest>;
  /** Whether the app cancels this request. */
  judge(facts: RequestFacts): Promise<boolean>;
}

export function createRequestRule(): RequestRule {
  let rule: { readonly patterns: readonly RegExp[]; readonly listener: Listener } | null = null;
  const methods = {
    onBeforeRequest(...given: readonly unknown[]) {
      const [first, second] = given;
      const listener = (typeof first === 'object' && first !== null ? second : first) as Listener | null;
      const urls = typeof first === 'object' && first !== null ? (first as { readonly urls?: string[] }).urls : null;
      rule = listener === null ? null : { patterns: (urls ?? ['<all_urls>']).map(patternOf), listener };
    },
  };
  return {
    api: failOnGaps('session.webRequest', methods as Partial<WebRequest>),
    judge(facts) {
      const { url, method, resourceType } = facts;
      const current = rule;
      if (current === null || !current.patterns.some((pattern) => pattern.test(url))) return Promise.resolve(false);
      const details = { id: 0, url, method, resourceType: TYPES[resourceType] ?? resourceType, referrer: '' };
      return new Promise((resolve) => {
        current.listener(details as unknown as OnBeforeRequestListenerDetails, ({ cancel = false }) => resolve(cancel));
      });
    },
  };
}

/** Playwright's names of resource types where Electron's differ. */
const TYPES: Readonly<Record<string, string>> = {
  document: 'mainFrame',
  fetch: 'xhr',
  websocket: 'webSocket',
};

/** A match pattern (`https://*.example.com/*`) as a regular expression. */
function patternOf(pattern: string): RegExp {
  if (pattern === '<all_urls>') return /^/;
  const escaped = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`);
}
