import { dialog } from 'electron';
import { findStartProblem, type StartProblem } from './cli/start-problem.ts';
import { findPortHolder, probePort } from './port-holder.ts';

/** What to do after the core could not be started. */
export type AfterProblem =
  | { readonly kind: 'retry' }
  | { readonly kind: 'retry_on'; readonly port: number }
  | { readonly kind: 'quit' };

/** Tell the person why the core did not start and ask what to do; a bug is thrown on. */
export async function askAfterProblem(error: unknown, port: number): Promise<AfterProblem> {
  const problem = findStartProblem(error);
  if (problem === null) throw error;
  return problem.code === 'port_in_use' ? askForPort(port) : askToRetry(problem);
}

/** The port is never moved unasked: agents hold its address (fault A10). */
async function askForPort(port: number): Promise<AfterProblem> {
  const holder = findPortHolder(port) ?? findPortHolder(port, '::1') ?? 'another program';
  const other = await findFreePort(port);
  const use = other === null ? [] : [`Use ${other}`];
  const buttons = [...use, 'Retry', 'Quit'];
  const { response } = await dialog.showMessageBox({
    type: 'warning',
    title: 'Rungate',
    message: `${port} is used by ${holder}.`,
    detail: 'Agents call Rungate on this port. On another port, give your agents the new address.',
    buttons,
    defaultId: buttons.indexOf('Retry'),
    cancelId: buttons.indexOf('Quit'),
  });
  if (buttons[response] === 'Retry') return { kind: 'retry' };
  return buttons[response] === 'Quit' || other === null ? { kind: 'quit' } : { kind: 'retry_on', port: other };
}

/** 4142 is the headless console's. */
const SKIP = 2;
const TRIED = 20;

async function findFreePort(taken: number): Promise<number | null> {
  for (let port = taken + SKIP; port < taken + SKIP + TRIED && port <= 65_535; port += 1) {
    const here = await probePort(port, '127.0.0.1');
    // A machine without IPv6 refuses the other: nobody is there.
    const there = await probePort(port, '::1');
    if (here.kind === 'free' && there.kind !== 'taken') return port;
  }
  return null;
}

async function askToRetry({ message, hint }: StartProblem): Promise<AfterProblem> {
  const buttons = ['Retry', 'Quit'];
  const { response } = await dialog.showMessageBox({
    type: 'error',
    title: 'Rungate',
    message,
    detail: hint,
    buttons,
    defaultId: 0,
    cancelId: 1,
  });
  return response === 0 ? { kind: 'retry' } : { kind: 'quit' };
}
