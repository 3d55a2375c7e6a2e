import { EventEmitter } from 'node:events';
import type { FrameFacts } from './messages.ts';
import { failOnGaps } from './not-implemented.ts';
import { originOf } from './scheme-urls.ts';

/** The frames of one window; a frame stays the same object for as long as it lives, as `WebFrameMain` does. */
export interface Frames {
  readonly main: Frame;
  /** The frame a message came from, brought up to date. */
  find(facts: FrameFacts): Frame;
}

export interface Frame extends EventEmitter {
  readonly url: string;
  readonly origin: string;
  readonly parent: Frame | null;
  readonly top: Frame | null;
  readonly routingId: number;
  readonly processId: number;
  readonly detached: boolean;
}

let nextRouting = 1;

export function createFrames(processId: number, send: (channel: string, ...args: unknown[]) => void): Frames {
  const urls = new Map<Frame, string>();
  const known = new Map<string, Frame>();
  const create = (parent: Frame | null): Frame => {
    const routingId = nextRouting++;
    const events = new EventEmitter();
    const properties = {
      get url() {
        return urls.get(frame) ?? '';
      },
      get origin() {
        return originOf(urls.get(frame) ?? '');
      },
      parent,
      get top() {
        return parent ?? frame;
      },
      routingId,
      frameTreeNodeId: routingId,
      processId,
      detached: false,
      isDestroyed: () => false,
      send,
    };
    const frame: Frame = failOnGaps(
      'WebFrameMain',
      Object.defineProperties(events, Object.getOwnPropertyDescriptors(properties)) as EventEmitter & typeof properties,
    );
    return frame;
  };
  const main = create(null);
  return {
    main,
    find({ id, url, isMain, pretended = false }) {
      const frame = pretended ? create(isMain ? null : main) : isMain ? main : (known.get(id) ?? create(main));
      if (!isMain && !pretended) known.set(id, frame);
      urls.set(frame, url);
      return frame;
    },
  };
}
