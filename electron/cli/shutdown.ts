const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Waits for the operator's signal. */
export interface Shutdown {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly requested: Promise<void>;
}

/**
 * Listen for the end. The first signal asks for it; the second ends this process at once with exit code 1, for
 * a person who does not want to wait for calls in flight.
 */
export function awaitShutdown(onRequest: () => void): Shutdown {
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = false;
  const listen = () => {
    if (asked) process.exit(1);
    asked = true;
    onRequest();
    resolve();
  };
  for (const signal of SIGNALS) process.on(signal, listen);
  return { requested: promise };
}
