import type { Configuration } from '../proxy-core/config/schema.ts';
import type { RungateOptions } from '../proxy-core/index.ts';
import { type Credentials, parseKeyReference } from '../proxy-core/providers/credentials.ts';

/** What both hosts make of a configuration file. */

const SECOND = 1000;
const MIB = 1_048_576;

/** The limits of a configuration; `otherwise` is what holds where it says nothing and hosts differ. */
export const coreLimits = (
  { limits, cli_decisions, on_pause }: Configuration,
  otherwise: { readonly cliDecisions: boolean },
): RungateOptions['limits'] => ({
  maxBodyBytes: Math.round(limits.max_body_mb * MIB),
  headerBytes: limits.header_kb * 1024,
  headersTimeoutMs: Math.round(limits.headers_seconds * SECOND),
  requestTimeoutMs: Math.round(limits.body_seconds * SECOND),
  maxPendingGates: limits.max_pending_gates,
  idleWindowMs: Math.round(limits.idle_window_minutes * 60 * SECOND),
  drainMs: Math.round(limits.drain_seconds * SECOND),
  drainBytes: Math.round(limits.drain_mb * MIB),
  keepBytes: Math.round(limits.keep_mb * MIB),
  shutdownMs: Math.round(limits.shutdown_seconds * SECOND),
  onPause: on_pause,
  undoMs: limits.undo_seconds * SECOND,
  connections: { inAll: limits.connections, beforeToken: limits.connections_before_token },
  cliDecisions: cli_decisions ?? otherwise.cliDecisions,
});

/** Agents' tokens and webhooks' secrets are needed before anything is served: a missing one is the operator's to cure. */
export const resolverOf =
  (credentials: Credentials, folder: string): RungateOptions['resolveSecret'] =>
  async (text) => {
    const reference = parseKeyReference(text, folder);
    const found = reference.kind === 'parsed' ? await credentials.find(reference.reference) : reference;
    if (found.kind === 'found') return found.key.reveal();
    const hint = found.kind === 'none' ? 'A secret is needed here, not none.' : found.problem;
    const message = `A secret that the configuration names is missing: ${text}.`;
    throw Object.assign(new Error(message), { code: 'secret_missing', hint });
  };
