import type { FailPoint, FailPointName } from './messages.ts';

/**
 * Where a test may have this process killed, as `kill -9` would. Without a fail point, as in the product, the
 * returned function does nothing.
 */
export function createFailPoints(failPoint: FailPoint | null): (name: FailPointName) => void {
  let passes = 0;
  return (name) => {
    if (failPoint?.at !== name) return;
    passes += 1;
    if (passes === failPoint.pass) process.kill(process.pid, 'SIGKILL');
  };
}
