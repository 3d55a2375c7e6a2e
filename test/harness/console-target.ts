import type { Page } from '@playwright/test';
import type { Reply } from '../../proxy-core/contract/client.ts';
import type { OperationInput, OperationName, OperationOutput } from '../../proxy-core/contract/operations.ts';
import type { Driver } from './driver.ts';
import { callInPage } from './page-call.ts';

/** A console before a person, with its core behind it: in a browser, or in the desktop app's window. */
export interface ConsoleTarget {
  readonly kind: 'headless' | 'desktop';
  readonly page: Page;
  readonly agentUrl: string;
  /** The installation's folder. */
  readonly home: string;
  /** The desktop app; null for a headless core. */
  readonly driver: Driver | null;
  /** An operation by the same way the page's own calls take. Throws on a failure. */
  call<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationOutput<N>>;
  tryCall<N extends OperationName>(name: N, input: OperationInput<N>): Promise<Reply<OperationOutput<N>>>;
  /** Load the page anew, as a person or the app does; the desktop app lets no page do that itself. */
  reload(): Promise<void>;
  /** What the core has written, for a failed test. */
  output(): string;
  close(): Promise<void>;
}

/** Call an operation from within the page: through the desktop's bridge if it is there, over HTTP if not. */
export async function callFrom<N extends OperationName>(
  page: Page,
  name: N,
  input: OperationInput<N>,
): Promise<Reply<OperationOutput<N>>> {
  const reply = await callInPage(page, name, input);
  return reply as Reply<OperationOutput<N>>;
}

/** The value of a reply. Throws the failure's code and message. */
export function unwrapReply<T>(name: string, reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  throw new Error(`${name}: ${reply.failure.code} ${reply.failure.message}`);
}
