import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { showCount } from '../../../format/amount.ts';
import { noteReviewed, useInboxStore } from '../inbox-store.ts';
import { type Extent, isLong, LONG_LINES } from './text-chunks.ts';

/**
 * Holds a payload. A long one scrolls in a box of its own that says where one is in it; having reached its end, or
 * ticking "I reviewed it", is what lets the gate be approved.
 */
export function ReviewBox(props: {
  readonly extent: Extent;
  /** Under which reading it is noted. */
  readonly reviewKey: string;
  readonly children: ReactNode;
}): ReactNode {
  if (!isLong(props.extent)) return <div className="overflow-auto p-3">{props.children}</div>;
  return <ScrollingBox {...props} />;
}

function ScrollingBox({ extent, reviewKey, children }: Parameters<typeof ReviewBox>[0]): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const tick = useId();
  const reviewed = useInboxStore((state) => state.reviewed.has(reviewKey));
  const [place, setPlace] = useState<readonly [number, number]>([0, 0]);
  const measure = (): void => {
    const { current } = box;
    if (current === null || current.scrollHeight === 0) return;
    const { scrollTop, clientHeight, scrollHeight } = current;
    setPlace([scrollTop / scrollHeight, Math.min(1, (scrollTop + clientHeight) / scrollHeight)]);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew for another payload
  useEffect(measure, [reviewKey]);
  useEffect(() => {
    if (end.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) noteReviewed([reviewKey]);
      },
      { root: box.current },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [reviewKey]);
  return (
    <div data-testid="inbox.long-payload">
      <div className="flex flex-wrap items-center justify-between gap-x-4 border-line border-b bg-hover px-3 py-1 text-small">
        <span data-testid="inbox.position">{positionText(extent, place)}</span>
        <label htmlFor={tick} className="flex min-h-7 items-center gap-1.5">
          <input
            id={tick}
            type="checkbox"
            className="size-4 accent-[var(--accent)]"
            data-testid="inbox.reviewed"
            checked={reviewed}
            onChange={(event) => noteReviewed([reviewKey], event.target.checked)}
          />
          I reviewed it
        </label>
      </div>
      <section
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={`Payload, ${positionText(extent, [0, 1])}`}
        className="max-h-[55vh] min-h-40 overflow-auto p-3"
        data-testid="inbox.payload-scroll"
        onScroll={measure}
      >
        {children}
        <div ref={end} className="h-px" />
      </section>
    </div>
  );
}

/** "1–200 of 812"; a text of few but very long lines is counted in characters. */
function positionText({ lines, characters }: Extent, [from, to]: readonly [number, number]): string {
  const [total, unit] = lines > LONG_LINES ? [lines, 'lines'] : [characters, 'characters'];
  const first = Math.min(total, Math.floor(from * total) + 1);
  const last = Math.max(first, Math.ceil(to * total));
  return `${showCount(first)}–${showCount(last)} of ${showCount(total)} ${unit}`;
}
