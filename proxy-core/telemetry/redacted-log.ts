import type { Log } from '../ports.ts';
import type { Redactor } from '../redaction/redactor.ts';

/**
 * The one place through which the core's log lines leave. Threat (fault C7): errors of providers, files and receivers
 * quote what they were given, keys and prompts included. So every text of every fact is masked here, whoever wrote it.
 */
export function redactLog(log: Log, redactor: Redactor): Log {
  const masked = (facts: Readonly<Record<string, unknown>> | undefined) =>
    facts === undefined ? undefined : (redactor.tree(facts).value as Readonly<Record<string, unknown>>);
  return {
    info: (event, facts) => log.info(event, masked(facts)),
    warn: (event, facts) => log.warn(event, masked(facts)),
    error: (event, facts) => log.error(event, masked(facts)),
  };
}
