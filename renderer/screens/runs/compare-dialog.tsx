import { type ReactNode, useEffect, useState } from 'react';
import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { RunChip } from '../../parts/run-chip.tsx';
import { useQuery } from '../../parts/use-query.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { compareBodies } from '../run/compare-bodies.ts';
import type { FieldChange } from '../run/field-diff.ts';
import { FieldDiffView } from '../run/field-diff-view.tsx';
import { compareRuns } from './comparison.ts';

/** Two runs side by side: what they are, their figures, their models, and how their first requests differ. */
export function CompareDialog({
  a,
  b,
  onClose,
}: {
  readonly a: string;
  readonly b: string;
  readonly onClose: () => void;
}): ReactNode {
  const first = useQuery('runs.show', { run_id: a, limit: 1 });
  const second = useQuery('runs.show', { run_id: b, limit: 1 });
  const failure = first.failure ?? second.failure;
  const callA = first.value?.exchanges.at(0)?.exchange_id;
  const callB = second.value?.exchanges.at(0)?.exchange_id;
  return (
    <Dialog title="Compare two runs" testId="runs.compare" onClose={onClose} wide>
      {failure === null ? null : <FailureNote message={failure.message} testId="runs.compare-failure" />}
      {first.value === null || second.value === null ? (
        failure === null ? (
          <Loading what="both runs" />
        ) : null
      ) : (
        <>
          <Figures a={first.value.run} b={second.value.run} />
          <h3 className="mt-4 mb-1 text-small font-semibold text-muted">First requests</h3>
          {callA === undefined || callB === undefined ? (
            <p className="text-muted">One of the runs has made no call.</p>
          ) : (
            <FirstRequests a={callA} b={callB} />
          )}
        </>
      )}
      <div className="mt-4 flex justify-end">
        <Button autoFocus onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}

function Figures({ a, b }: { readonly a: RunRecord; readonly b: RunRecord }): ReactNode {
  return (
    <table className="w-full text-left">
      <thead>
        <tr className="border-b border-line align-top">
          <th className="w-32 font-normal text-muted">
            <span className="sr-only">Figure</span>
          </th>
          <RunHead name="A" run={a} />
          <RunHead name="B" run={b} />
          <th className="w-24 py-1 text-right font-normal text-muted">B against A</th>
        </tr>
      </thead>
      <tbody>
        {compareRuns(a, b).map((figure) => (
          <tr key={figure.name} className="border-b border-line">
            <th className="py-1 font-normal text-muted">{figure.name}</th>
            <td className="py-1">{figure.a}</td>
            <td className="py-1">{figure.b}</td>
            <td className="py-1 text-right whitespace-nowrap">{figure.change ?? '–'}</td>
          </tr>
        ))}
        <tr className="border-b border-line align-top">
          <th className="py-1 font-normal text-muted">Models</th>
          <td className="py-1">
            <Models run={a} other={b} />
          </td>
          <td className="py-1">
            <Models run={b} other={a} />
          </td>
          <td />
        </tr>
        <tr className="align-top">
          <th className="py-1 font-normal text-muted">Policy</th>
          <td className="py-1">{a.policy}</td>
          <td className="py-1">{b.policy}</td>
          <td className="py-1 text-right">{a.policy === b.policy ? 'the same' : 'differs'}</td>
        </tr>
      </tbody>
    </table>
  );
}

const RunHead = ({ name, run }: { readonly name: string; readonly run: RunRecord }): ReactNode => (
  <th className="max-w-0 py-1 pr-3 font-normal">
    <span className="block truncate font-mono text-mono">
      {name}: <VisibleText text={run.run_id} breaks={false} />
    </span>
    <span className="flex items-center gap-2 py-1">
      <RunChip run={run} />
      <span className="truncate text-muted">
        <VisibleText text={run.agent} breaks={false} />
      </span>
    </span>
  </th>
);

/** A run's models; those that only it has used stand out. */
function Models({ run, other }: { readonly run: RunRecord; readonly other: RunRecord }): ReactNode {
  return (
    <ul>
      {run.models.map((model) => (
        <li key={model} className={other.models.includes(model) ? '' : 'font-semibold'}>
          <VisibleText text={model} breaks={false} />
          {other.models.includes(model) ? '' : ' (only here)'}
        </li>
      ))}
    </ul>
  );
}

function FirstRequests({ a, b }: { readonly a: string; readonly b: string }): ReactNode {
  const [reply, setReply] = useState<Reply<readonly FieldChange[]> | null>(null);
  useEffect(() => {
    let wanted = true;
    void compareBodies(a, b, 'request').then((each) => {
      if (wanted) setReply(each);
    });
    return () => {
      wanted = false;
    };
  }, [a, b]);
  if (reply === null) return <Loading what="the requests" />;
  if (!reply.ok) return <FailureNote message={reply.failure.message} testId="runs.compare-failure" />;
  return <FieldDiffView changes={reply.value} testId="runs.compare-diff" />;
}
