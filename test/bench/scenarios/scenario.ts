import type { Peer, PeerName } from '../peers/peer.ts';
import type { Section } from '../report.ts';
import type { Settings } from '../settings.ts';

/** A scenario measures and says what it found. */
export interface Scenario {
  readonly name: string;
  /** Ways in which the upstream is asked to answer. */
  readonly behaviours: readonly string[];
  run(peers: readonly Peer[], settings: Settings): Promise<readonly Section[]>;
}

/** The peer of a name, if it runs. */
export const peerNamed = (peers: readonly Peer[], name: PeerName): Peer | null =>
  peers.find((peer) => peer.name === name) ?? null;
