import type { PriceOverride } from '../budget/prices.ts';
import type { Bus } from '../bus.ts';
import { INSTALLED, type Program } from '../contract/program.ts';
import { createDriftTracker } from '../policy/drift.ts';
import { createLoopTracker } from '../policy/loops.ts';
import { type OwnPlaces, USUAL_PLACES } from '../policy/own-places.ts';
import { createRateTracker } from '../policy/rates.ts';
import type { Ports } from '../ports.ts';
import { type CredentialPorts, createCredentials } from '../providers/credentials.ts';
import type { Provider } from '../providers/provider.ts';
import type { Upstream } from '../providers/upstream-call.ts';
import type { Store } from '../store/store.ts';
import { createAbandons } from './abandons.ts';
import { createAddedUsage } from './added-usage.ts';
import { createAgentDirectory } from './agent-directory.ts';
import { createClaims } from './claims.ts';
import type { Core, CoreOptions } from './core.ts';
import { createDigester } from './digester.ts';
import { createGateBook } from './gate-book.ts';
import { grantsCovering, offerFor } from './grants.ts';
import { createHandedArguments } from './handed-arguments.ts';
import { createInFlight } from './inflight.ts';
import { createPassedAnswers } from './passed-answers.ts';
import { createPolicyBook } from './policy-book.ts';
import { createPriceBook } from './price-book.ts';
import { readPassedAnswers } from './read-passed.ts';
import { createRegexJobs } from './regex-jobs.ts';
import { createRunDirectory } from './run-directory.ts';
import { createRunNews } from './run-news.ts';
import { createUnanswered } from './unanswered.ts';
import { createUnknownClients } from './unknown-clients.ts';

/** What the pipeline is made of, besides what it makes itself. */
export interface Parts {
  readonly store: Store;
  readonly bus: Bus;
  readonly providers: readonly Provider[];
  readonly tools: ReadonlyMap<string, URL>;
  upstreamOf(provider: Provider): Upstream;
  readonly prices: Readonly<Record<string, PriceOverride>>;
  readonly credentials: CredentialPorts;
  readonly options: CoreOptions;
  readonly paused: boolean;
  /** Absent: `rungate`. */
  readonly program?: Program;
  /** What the calendar says, epoch ms; the clock's own time where it is absent. */
  readonly civil?: () => number;
  /** Where this Rungate is; the usual places where it is absent. */
  readonly own?: () => OwnPlaces;
}

/** Put the pipeline together over an open store. */
export async function composeCore(ports: Ports, parts: Parts): Promise<Core> {
  const { clock, random, log } = ports;
  const { store, bus, options } = parts;
  const seen = store.read.seenByAgents();
  const news = createRunNews(bus);
  const gates = createGateBook({ store, bus, clock, random, log, offer: offerFor });
  return {
    clock,
    civil: parts.civil ?? clock.now,
    random,
    log,
    program: parts.program ?? INSTALLED,
    bus,
    store,
    agents: createAgentDirectory(store.read),
    runs: createRunDirectory(store.read, options.idleWindowMs),
    unanswered: createUnanswered(store.read, clock.now()),
    handedArguments: createHandedArguments(store.read),
    passedAnswers: createPassedAnswers((agentId, since, most) => readPassedAnswers(store.read, agentId, since, most)),
    policies: await createPolicyBook(store, clock),
    prices: createPriceBook(store.read, parts.prices, clock),
    credentials: createCredentials(parts.credentials),
    providers: parts.providers,
    tools: parts.tools,
    upstreamOf: parts.upstreamOf,
    inFlight: createInFlight(),
    gates,
    abandons: createAbandons(gates, options.abandonMs),
    claims: createClaims(),
    addedUsage: createAddedUsage(),
    news,
    unknownClients: createUnknownClients(),
    digester: createDigester({ store, bus, clock, random, log, changed: news.changed }),
    grantsFor: (run, call) => grantsCovering(gates.grants(), run, call, clock.now()),
    rates: createRateTracker(),
    loops: createLoopTracker(),
    drift: createDriftTracker(seen),
    seen: new Set(seen.map(({ agentId, kind, value }) => `${agentId}\n${kind}\n${value}`)),
    regexJobs: createRegexJobs(),
    own: parts.own ?? (() => USUAL_PLACES),
    options,
    paused: parts.paused,
    draining: false,
  };
}
