import { type ReactNode, useEffect, useState } from 'react';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { LongText } from './long-text.tsx';
import type { ViewOf } from './payload.tsx';

/** Longer statements are shown as written: formatting them would make the reviewer wait. */
const MOST_FORMATTED = 20_000;

/** A statement, formatted; as it was written where that fails, or where it is asked for. */
export function SqlPayload({
  view,
  asWritten,
}: {
  readonly view: ViewOf<'sql'>;
  readonly asWritten: boolean;
}): ReactNode {
  const formatted = useFormatted(view.statement);
  return (
    <div data-testid="inbox.payload-text">
      <LongText text={asWritten ? view.statement : (formatted ?? view.statement)} />
    </div>
  );
}

function useFormatted(statement: string): string | null {
  const [formatted, setFormatted] = useState<{ readonly of: string; readonly text: string } | null>(null);
  useEffect(() => {
    if (statement.length > MOST_FORMATTED) return;
    let current = true;
    void formatSql(statement).then((text) => {
      if (current && text !== null) setFormatted({ of: statement, text });
    });
    return () => {
      current = false;
    };
  }, [statement]);
  return formatted?.of === statement ? formatted.text : null;
}

/** The formatter is loaded when the first statement is shown. It only moves blanks: a result that changes more is refused. */
async function formatSql(statement: string): Promise<string | null> {
  try {
    const { format } = await import('sql-formatter');
    const text = format(statement, { language: 'sql', tabWidth: 2 });
    const bare = (sql: string): string => sql.replace(/\s+/g, '');
    return bare(text) === bare(statement) ? text : null;
  } catch {
    return null;
  }
}

/** Verb and tables; what deletes or changes every row is named. */
export function SqlFacts({ view }: { readonly view: ViewOf<'sql'> }): ReactNode {
  return (
    <>
      {view.verb === null ? null : <span className="font-semibold text-text">{view.verb.toUpperCase()}</span>}
      {view.tables.length === 0 ? null : (
        <span>
          on{' '}
          <code className="untrusted font-mono text-mono">
            <VisibleText text={view.tables.join(', ')} breaks={false} />
          </code>
        </span>
      )}
      {view.unbounded ? (
        <span data-testid="inbox.unbounded" className="rounded bg-rejected px-1.5 text-on-rejected">
          No WHERE: every row
        </span>
      ) : null}
    </>
  );
}
