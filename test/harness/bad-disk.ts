import { MEDIUM } from '../../proxy-core/store/fail-points.ts';

/** A disk whose syncs a test lets hang, return late, or fail; give `store` to the core that is to have it. */
export interface BadDisk {
  readonly store: { readonly medium: SharedArrayBuffer };
  /** From now on no sync returns: what is committed survives a kill, and no power cut. */
  hang(): void;
  /** Let them return, late. */
  release(): void;
  /** From now on every sync fails, those that hang included. */
  fail(): void;
}

/** A disk that is well at first. */
export function createBadDisk(): BadDisk {
  const medium = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const state = new Int32Array(medium);
  const become = (next: number): void => {
    Atomics.store(state, 0, next);
    Atomics.notify(state, 0);
  };
  return {
    store: { medium },
    hang: () => become(MEDIUM.hanging),
    release: () => become(MEDIUM.well),
    fail: () => become(MEDIUM.broken),
  };
}
