import { type ReactNode, useMemo } from 'react';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { numbered } from '../numbered.ts';
import { prettyJson } from './json-paths.ts';
import { LongText } from './long-text.tsx';
import type { ViewOf } from './payload.tsx';

/** A web request: method, the whole address with its host emphasised, headers, body. */
export function HttpPayload({
  view,
  asWritten,
}: {
  readonly view: ViewOf<'http'>;
  readonly asWritten: boolean;
}): ReactNode {
  const pretty = useMemo(() => (view.body === null ? null : prettyJson(view.body)), [view.body]);
  return (
    <div data-testid="inbox.payload-text" className="flex flex-col gap-3">
      <p className="flex items-start gap-2 font-mono text-mono">
        <span className="rounded border border-control px-1.5 font-semibold">
          <VisibleText text={view.method.toUpperCase()} breaks={false} />
        </span>
        <Address url={view.url} host={view.host} />
      </p>
      {view.headers.length === 0 ? null : (
        <dl
          className="grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] gap-x-3 gap-y-0.5 font-mono text-mono"
          data-testid="inbox.headers"
        >
          {numbered(view.headers).map(({ key, item: { name, value } }) => (
            <div key={key} className="contents">
              <dt className="untrusted text-muted">
                <VisibleText text={name} breaks={false} />
              </dt>
              <dd className="untrusted">
                <VisibleText text={value} breaks={false} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {view.body === null ? (
        <p className="text-muted">No body.</p>
      ) : (
        <div data-testid="inbox.http-body" className="border-line border-t pt-2">
          <LongText text={asWritten ? view.body : (pretty ?? view.body)} />
        </div>
      )}
    </div>
  );
}

function Address({ url, host }: { readonly url: string; readonly host: string }): ReactNode {
  // Only the host between the scheme (and credentials) and the path counts: one in the path must not be emphasised.
  const authority = /^[a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?/i.exec(url)?.[0].length ?? 0;
  const at =
    host !== '' && url.slice(authority, authority + host.length).toLowerCase() === host.toLowerCase() ? authority : -1;
  if (at === -1) {
    return (
      <span className="untrusted">
        <VisibleText text={url} breaks={false} />
      </span>
    );
  }
  return (
    <span className="untrusted text-muted" data-testid="inbox.url">
      <VisibleText text={url.slice(0, at)} breaks={false} />
      <strong className="font-semibold text-text">
        <VisibleText text={url.slice(at, at + host.length)} breaks={false} />
      </strong>
      <VisibleText text={url.slice(at + host.length)} breaks={false} />
    </span>
  );
}
