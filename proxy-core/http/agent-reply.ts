import type { ServerResponse } from 'node:http';
import type { AgentReply } from '../exchange/reply.ts';

/** The agent's side of an exchange over a Node response; bytes and header order stay as given. `program`: how Rungate is called. */
export function createAgentReply(response: ServerResponse, program: string): AgentReply {
  const leave = new Set<() => void>();
  let gone = false;
  // 'close' comes for finished answers too; only one that was not finished is an agent that left.
  response.once('close', () => {
    if (response.writableFinished) return;
    gone = true;
    for (const listener of leave) listener();
  });
  return {
    program,
    get headSent() {
      return response.headersSent;
    },
    get gone() {
      return gone;
    },
    interim(status, headers) {
      if (gone || response.headersSent) return;
      if (status === 102) response.writeProcessing();
      const links = headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === 'link');
      if (status === 103 && links.length > 0) response.writeEarlyHints({ link: links });
    },
    head(status, headers) {
      if (gone || response.headersSent) return;
      response.sendDate = !hasDate(headers);
      response.writeHead(status, [...headers]);
    },
    write: (bytes) => gone || response.write(bytes),
    end: () => {
      if (!gone) response.end();
    },
    cut(lastWords) {
      if (gone || lastWords === null || !response.headersSent) response.destroy();
      else response.write(lastWords, () => response.destroy());
    },
    onGone(listener) {
      if (gone) listener();
      else leave.add(listener);
    },
    onDrain(listener) {
      response.on('drain', listener);
    },
  };
}

/** The provider's own date is passed on; a second one would be an edit. */
const hasDate = (headers: readonly string[]): boolean =>
  headers.some((value, index) => index % 2 === 0 && value.toLowerCase() === 'date');
