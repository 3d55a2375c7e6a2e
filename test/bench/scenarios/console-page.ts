/**
 * What runs in the console's page to time it there. Each function is sent to the page by itself, so it uses nothing of
 * this file but types.
 */

/** The page's globals as far as they are used here: the bench is compiled without a DOM. */
interface PageGlobals {
  readonly document: {
    querySelector(selector: string): PageElement | null;
    querySelectorAll(selector: string): { readonly length: number };
  };
  readonly location: { hash: string };
  requestAnimationFrame(callback: (now: number) => void): number;
  addEventListener(
    type: string,
    listener: () => void,
    options: { readonly once: boolean; readonly capture: boolean },
  ): void;
  pressedAt?: number;
  sampling?: Sampling;
  waiting?: Promise<number>;
}

interface PageElement {
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
}

interface Sampling {
  going: boolean;
  last: number;
  readonly frames: number[];
  domRows: number;
}

/** Time every frame from now on, and count the rows that exist. */
export function startSampling(): void {
  const page = globalThis as unknown as PageGlobals;
  const sampling: Sampling = { going: true, last: 0, frames: [], domRows: 0 };
  page.sampling = sampling;
  const frame = (now: number): void => {
    sampling.frames.push(now - sampling.last);
    sampling.last = now;
    sampling.domRows = Math.max(sampling.domRows, page.document.querySelectorAll('[role="row"]').length);
    if (sampling.going) page.requestAnimationFrame(frame);
  };
  page.requestAnimationFrame((now) => {
    sampling.last = now;
    page.requestAnimationFrame(frame);
  });
}

/** Times between frames since `startSampling`, ms, and the most rows that existed at once. */
export function stopSampling(): { readonly frames: readonly number[]; readonly domRows: number } {
  const { sampling } = globalThis as unknown as PageGlobals;
  if (sampling === undefined) throw new Error('nothing is sampled');
  sampling.going = false;
  return { frames: sampling.frames, domRows: sampling.domRows };
}

/** From the next key on, until the count of runs is no longer `before` and a frame that shows it has been drawn. */
export function startWaiting(before: string): void {
  const page = globalThis as unknown as PageGlobals;
  page.waiting = new Promise((resolve) => {
    const press = (): void => {
      const begin = performance.now();
      const look = (): void => {
        const total = page.document.querySelector('[data-testid="runs.total"]')?.textContent ?? before;
        page.requestAnimationFrame(total === before ? look : () => resolve(performance.now() - begin));
      };
      look();
    };
    page.addEventListener('keydown', press, { once: true, capture: true });
  });
}

/** Milliseconds that `startWaiting` has waited. */
export function waited(): Promise<number> {
  const { waiting } = globalThis as unknown as PageGlobals;
  if (waiting === undefined) throw new Error('nothing waits');
  return waiting;
}

/** Milliseconds from going to a place until the steps of a run, at least so many rows, have been drawn there. */
export function goAndWait({ hash, rows }: { readonly hash: string; readonly rows: number }): Promise<number> {
  const page = globalThis as unknown as PageGlobals;
  const begin = performance.now();
  page.location.hash = hash;
  return new Promise((resolve) => {
    const look = (): void => {
      const grid = page.document.querySelector('[data-testid="run.steps"]');
      const isThere = Number(grid?.getAttribute('aria-rowcount') ?? 0) >= rows;
      const isDrawn = isThere && page.document.querySelector('[data-testid="run.step"]') !== null;
      page.requestAnimationFrame(isDrawn ? () => resolve(performance.now() - begin) : look);
    };
    look();
  });
}

/** When the screen shows a text, epoch ms. */
export function appears(text: string): Promise<number> {
  const page = globalThis as unknown as PageGlobals;
  return new Promise((resolve) => {
    const look = (): void => {
      if (page.document.querySelector('main')?.textContent?.includes(text) === true) resolve(Date.now());
      else page.requestAnimationFrame(look);
    };
    look();
  });
}

/** Note from now on when the person last pressed a key or a button. */
export function notePresses(): void {
  const page = globalThis as unknown as PageGlobals;
  const note = (): void => {
    page.pressedAt = Date.now();
  };
  for (const kind of ['keydown', 'click']) page.addEventListener(kind, note, { once: false, capture: true });
}

/** When the person last pressed a key or a button, epoch ms. */
export const lastPress = (): number => (globalThis as unknown as PageGlobals).pressedAt ?? 0;

/** Go to a fragment of the console's address. */
export function goTo(fragment: string): void {
  (globalThis as unknown as PageGlobals).location.hash = fragment;
}
