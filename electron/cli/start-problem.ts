import { findPortHolder } from '../port-holder.ts';

/** An expected reason not to start, and what to do about it. */
export interface StartProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * Why a core did not start, when the operator can cure it: the host's own words (an Error with a `hint`), a port in
 * use or not allowed, a store that refused to open. Null for anything else: a bug, which keeps its stack.
 */
export function findStartProblem(error: unknown): StartProblem | null {
  if (!(error instanceof Error)) return null;
  if ('hint' in error && typeof error.hint === 'string')
    return { code: codeOf(error) ?? 'start_failed', message: error.message, hint: error.hint };
  if (error.name === 'StoreRefused') return explainRefusal(error);
  return 'port' in error && typeof error.port === 'number' ? explainPort(codeOf(error), error.port) : null;
}

const codeOf = (error: Error): string | null => ('code' in error && typeof error.code === 'string' ? error.code : null);

/** The store's message ends in its advice, after the last colon. */
function explainRefusal(error: Error): StartProblem {
  const colon = error.message.lastIndexOf(': ');
  return {
    code: codeOf(error) ?? 'start_failed',
    message: colon === -1 ? error.message : error.message.slice(0, colon),
    hint: colon === -1 ? '' : capitalised(`${error.message.slice(colon + 2)}.`),
  };
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function explainPort(code: string | null, port: number): StartProblem | null {
  const hint = 'Stop that program, or choose another port with --port and --console-port (0 picks a free one).';
  if (code === 'EADDRINUSE') {
    const holder = findPortHolder(port) ?? 'another program';
    return { code: 'port_in_use', message: `Port ${port} on 127.0.0.1 is held by ${holder}.`, hint };
  }
  if (code === 'EACCES')
    return {
      code: 'port_refused',
      message: `This user may not listen on port ${port}.`,
      hint: 'Choose one above 1023.',
    };
  return null;
}
