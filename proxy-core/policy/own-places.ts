/** Where this Rungate is, so that rules can tell a call which reaches for it. Handed in; nothing here is looked up. */
export interface OwnPlaces {
  /** The home folder in use, absolute; null when only the usual ones are known. */
  readonly home: string | null;
  /** Ports of the operator's side. */
  readonly consolePorts: readonly number[];
  /** Ports that agents call. */
  readonly agentPorts: readonly number[];
  /** Its process; null when it is not known. */
  readonly pid: number | null;
}

/** What holds for an installation that has changed nothing. */
export const USUAL_PLACES: OwnPlaces = { home: null, consolePorts: [4142], agentPorts: [4141], pid: null };
