import { useSyncExternalStore } from 'react';
import { coreNow, useConsole } from '../store/console.ts';

/** One timer for all countdowns, running only while something shows one. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;
let second = 0;

function renew(): void {
  second = Math.floor(coreNow() / 1000);
  for (const each of listeners) each();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(renew, 500);
  // React looks at the value again once it has subscribed: the first one shown must not be an old one.
  second = Math.floor(coreNow() / 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

// A snapshot says how far the core's clock is from this one, also after a sleep or a change of either.
useConsole.subscribe((state, before) => {
  if (state.clockOffset !== before.clockOffset) renew();
});

/** The core's time in epoch ms, renewed every second. */
export function useNow(): number {
  const current = useSyncExternalStore(subscribe, () => second);
  return current * 1000;
}
