/** A browser that a spec drives as a person does. One of each engine stands behind it, over a standard of the W3C. */
export interface EngineBrowser {
  open(url: string): Promise<void>;
  /** Click the one element that a CSS selector finds, with the pointer. */
  click(selector: string): Promise<void>;
  /** The value of a JavaScript expression in the page; it may be a promise. */
  evaluate<T>(expression: string): Promise<T>;
  /** A picture of the page, PNG. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

/** How an engine is started; null where it cannot be had on this machine. */
export interface Engine {
  readonly name: string;
  /** What is missing, in a few words; null when it can be started. */
  missing(): string | null;
  start(): Promise<EngineBrowser>;
}

const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 50;

/**
 * Wait until an expression is true in the page, over reloads too: each look is a short script of its own, because one that
 * waits in the page ends with its document. Rejects with what the page shows when it has not become so.
 */
export async function until(browser: EngineBrowser, condition: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause()) {
    // A document that is just going cannot be asked.
    if (await browser.evaluate<boolean>(`Boolean(${condition})`).catch(() => false)) return;
  }
  const shown = await browser.evaluate<string>('document.body.innerText');
  throw new Error(`The page never became so: ${condition}. It shows:\n${shown.slice(0, 2000)}`);
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
