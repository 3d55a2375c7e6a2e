import { parseArgs } from 'node:util';

/** How long each scenario runs. Everything is bounded in count and time. */
export interface Settings {
  readonly json: boolean;
  readonly rounds: number;
  readonly callsPerRound: number;
  readonly largeCallsPerRound: number;
  readonly throughputMs: number;
  readonly throughputRounds: number;
  readonly streamSeconds: number;
  readonly chunkSeconds: number;
  readonly turns: number;
  readonly auditEvents: number;
  readonly profileTo: string | undefined;
  /** Scenario names; absent: all. */
  readonly scenarios: readonly string[] | undefined;
  readonly peers: readonly string[] | undefined;
}

const LEVELS = {
  quick: {
    rounds: 3,
    calls: 12,
    large: 6,
    throughputMs: 800,
    throughputRounds: 2,
    stream: 4,
    chunk: 2,
    turns: 200,
    events: 10_000,
  },
  normal: {
    rounds: 7,
    calls: 25,
    large: 10,
    throughputMs: 2_000,
    throughputRounds: 4,
    stream: 20,
    chunk: 5,
    turns: 200,
    events: 50_000,
  },
  full: {
    rounds: 11,
    calls: 50,
    large: 20,
    throughputMs: 5_000,
    throughputRounds: 5,
    stream: 300,
    chunk: 10,
    turns: 200,
    events: 1_000_000,
  },
} as const;

export const USAGE = `npm run bench -- [--quick | --full] [--json] [--only SCENARIO,…] [--peers PEER,…] [--profile DIR]
  --quick    under a minute; --full the counts of the goals (200 streams for 5 min, 1,000,000 events)
  --only     added-latency, throughput, streams, many-streams, store, pure, start, exports, console, console-decisions
  --peers    raw, nginx, portkey (direct and rungate always run)
  --profile  run Rungate under node --cpu-prof and leave the profiles there`;

/** Read the command line. Throws TypeError on what it does not know. */
export function readSettings(argv: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const level = LEVELS[values.full ? 'full' : values.quick ? 'quick' : 'normal'];
  return {
    json: values.json,
    rounds: level.rounds,
    callsPerRound: level.calls,
    largeCallsPerRound: level.large,
    throughputMs: level.throughputMs,
    throughputRounds: level.throughputRounds,
    streamSeconds: level.stream,
    chunkSeconds: level.chunk,
    turns: level.turns,
    auditEvents: level.events,
    profileTo: values.profile,
    scenarios: values.only?.split(','),
    peers: values.peers?.split(','),
  };
}
