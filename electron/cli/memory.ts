import { setFlagsFromString } from 'node:v8';

/**
 * Keep the young generation small. A proxy makes short-lived garbage with every call, and V8 answers a busy minute by
 * keeping up to 100 MB of it resident for good; collecting more often cost no throughput (measured with 32 connections:
 * 400 MiB resident before, 276 MiB after, the same calls per second). Call it before the core starts.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--max-semi-space-size=4');
  setFlagsFromString('--semi-space-growth-factor=1');
}
