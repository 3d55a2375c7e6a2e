import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { numbered } from './numbered.ts';

/** Which rule holds it, in which version of which policy, and what in the call made it. */
export function RuleSection({ card: { gate, clauses } }: { readonly card: GateCard }): ReactNode {
  const matched = clauses.filter((clause) => clause.matched);
  const others = clauses.filter((clause) => !clause.matched);
  return (
    <section aria-labelledby="rule" data-testid="inbox.rule" className="flex flex-col gap-1">
      <h3 id="rule" className="flex flex-wrap items-baseline gap-x-2 font-semibold">
        <span>
          Rule{' '}
          <code className="untrusted font-mono text-mono">
            <VisibleText text={gate.rule} breaks={false} />
          </code>
        </span>
        <span className="font-normal text-muted">
          policy{' '}
          <code className="untrusted font-mono text-mono">
            <VisibleText text={gate.policy} breaks={false} />
          </code>
        </span>
      </h3>
      {gate.message === null ? null : (
        <p className="untrusted">
          <VisibleText text={gate.message} />
        </p>
      )}
      <Clauses clauses={matched} matched />
      {others.length === 0 ? null : (
        <details>
          <summary className="cursor-pointer text-muted text-small">
            {others.length} {others.length === 1 ? 'condition that' : 'conditions that'} did not decide
          </summary>
          <Clauses clauses={others} matched={false} />
        </details>
      )}
    </section>
  );
}

function Clauses(props: { readonly clauses: GateCard['clauses']; readonly matched: boolean }): ReactNode {
  if (props.clauses.length === 0) return null;
  return (
    <ul className="flex flex-col gap-0.5">
      {numbered(props.clauses).map(({ key, item: { text } }) => (
        <li
          key={key}
          className="flex items-start gap-2"
          data-testid={props.matched ? 'inbox.clause' : 'inbox.clause-other'}
        >
          <Check
            size={14}
            strokeWidth={1.75}
            aria-hidden="true"
            className={`mt-0.5 shrink-0 ${props.matched ? 'text-accent' : 'invisible'}`}
          />
          <code className={`untrusted font-mono text-mono ${props.matched ? '' : 'text-muted'}`}>
            <ClauseText text={text} />
          </code>
        </li>
      ))}
    </ul>
  );
}

/** The path that was looked at, which the core puts in backticks, stands out. */
function ClauseText({ text }: { readonly text: string }): ReactNode {
  const [, before = '', path, after = ''] = /^([^`]*)`([^`]+)`(.*)$/s.exec(text) ?? [];
  if (path === undefined) return <VisibleText text={text} />;
  return (
    <>
      {before}
      <span className="text-accent">
        <VisibleText text={path} />
      </span>
      <VisibleText text={after} />
    </>
  );
}
