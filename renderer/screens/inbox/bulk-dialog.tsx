import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConnected } from '../../store/console.ts';
import { type BulkMember, bulkObstacle, compareArguments } from './bulk.ts';
import { approve, reject } from './decisions.ts';
import { longActions } from './payload/extent.ts';
import { RiskMark } from './risk-mark.tsx';

/** Decide several gates of one rule and tool, each once. What differs between them stands in a table, complete. */
export function BulkDialog({
  ids,
  onClose,
}: {
  readonly ids: readonly string[];
  readonly onClose: () => void;
}): ReactNode {
  const cards = useCards(ids);
  const [outcome, setOutcome] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  const connected = useConnected();
  const { fit, unfit } = useMemo(() => sortOut(cards ?? []), [cards]);
  const decideAll = async (verdict: 'approved' | 'rejected'): Promise<void> => {
    setWorking(true);
    let done = 0;
    for (const { gate } of fit) {
      const sent = verdict === 'approved' ? approve(gate) : reject(gate, '');
      if (await sent) done += 1;
    }
    setWorking(false);
    if (done === fit.length) onClose();
    else setOutcome(`${done} of ${fit.length} ${verdict}; the others were not, see the messages.`);
  };
  const can = connected && !working && outcome === null && fit.length > 0;
  return (
    <Dialog title={`Decide ${ids.length} gates together`} onClose={onClose} testId="inbox.bulk-dialog" wide>
      {cards === null ? (
        <Loading what="the gates" onCancel={onClose} />
      ) : (
        <div className="flex flex-col gap-3">
          <BulkTable cards={fit} />
          <LeftOut unfit={unfit} />
          <p role="status" className="text-muted">
            {outcome ?? 'Each is approved once; nothing is remembered.'}
          </p>
          <div className="flex justify-end gap-2">
            <Button autoFocus onClick={onClose} data-testid="inbox.bulk-cancel">
              {outcome === null ? 'Cancel' : 'Close'}
            </Button>
            <Button disabled={!can} onClick={() => void decideAll('rejected')} data-testid="inbox.bulk-reject">
              Reject {fit.length}
            </Button>
            <Button
              look="primary"
              disabled={!can}
              onClick={() => void decideAll('approved')}
              data-testid="inbox.bulk-approve"
            >
              Approve {fit.length} once
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

/** The cards of all gates, one after the other; null until all are there. Gates that are gone are left out. */
function useCards(ids: readonly string[]): readonly GateCard[] | null {
  const [cards, setCards] = useState<readonly GateCard[] | null>(null);
  useEffect(() => {
    let current = true;
    const load = async (): Promise<void> => {
      const found: GateCard[] = [];
      for (const id of ids) {
        if (!current) return;
        const reply = await call('gates.card', { gate_id: id });
        if (reply.ok) found.push(reply.value.card);
      }
      if (current) setCards(found);
    };
    void load();
    return () => {
      current = false;
    };
  }, [ids]);
  return cards;
}

const memberOf = (card: GateCard): BulkMember => ({
  gate: card.gate,
  risk: card.risk.level,
  long: longActions(card).length > 0,
});

interface SortedOut {
  readonly fit: readonly GateCard[];
  readonly unfit: readonly { readonly card: GateCard; readonly why: string }[];
}

/** Which gates go together with the first that can be decided in common at all, and why the others do not. */
function sortOut(cards: readonly GateCard[]): SortedOut {
  const first = cards.find((card) => bulkObstacle(null, memberOf(card)) === null);
  const reference = first === undefined ? null : memberOf(first);
  const judged = cards.map((card) => ({ card, why: bulkObstacle(reference, memberOf(card)) }));
  return {
    fit: judged.flatMap(({ card, why }) => (why === null ? [card] : [])),
    unfit: judged.flatMap(({ card, why }) => (why === null ? [] : [{ card, why }])),
  };
}

function BulkTable({ cards }: { readonly cards: readonly GateCard[] }): ReactNode {
  const [first] = cards;
  const { paths, rows, common } = useMemo(() => compareArguments(cards.map(({ gate }) => gate)), [cards]);
  if (first === undefined) return <p>None of them can be decided together with others.</p>;
  return (
    <>
      <p>
        Rule{' '}
        <code className="untrusted font-mono text-mono">
          <VisibleText text={first.gate.rule} breaks={false} />
        </code>
        , tool{' '}
        <code className="untrusted font-mono text-mono">
          <VisibleText text={first.gate.proposed_actions[0]?.tool ?? ''} breaks={false} />
        </code>
      </p>
      {common.length === 0 ? null : (
        <dl
          className="grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-small"
          data-testid="inbox.bulk-common"
        >
          {common.map(([path, value]) => (
            <div key={path} className="contents">
              <dt className="untrusted text-muted">
                <VisibleText text={path === '' ? 'arguments' : path} breaks={false} /> (all)
              </dt>
              <dd className="untrusted font-mono">
                <VisibleText text={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section aria-label="Differences" tabIndex={0} className="max-h-[45vh] overflow-auto rounded border border-line">
        <table className="w-full border-collapse text-small" data-testid="inbox.bulk-table">
          <thead className="sticky top-0 bg-hover text-left">
            <tr>
              <th className="px-2 py-1.5">Risk</th>
              <th className="px-2 py-1.5">Agent</th>
              {paths.map((path) => (
                <th key={path} className="px-2 py-1.5 font-mono">
                  <span className="whitespace-nowrap [unicode-bidi:isolate]">
                    <VisibleText text={path === '' ? 'arguments' : path} breaks={false} />
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cards.map(({ gate, risk }, index) => (
              <tr key={gate.gate_id} data-testid="inbox.bulk-row" className="border-line border-t align-top">
                <td className="px-2 py-1.5">
                  <RiskMark level={risk.level} />
                </td>
                <td className="whitespace-nowrap px-2 py-1.5">
                  <VisibleText text={gate.agent} breaks={false} />
                </td>
                {(rows[index] ?? []).map((value, column) => (
                  <td key={paths[column]} className="px-2 py-1.5 font-mono">
                    <Cell value={value} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** A value, complete and wrapped; a word is broken only where it fills a line of its own. */
const Cell = ({ value }: { readonly value: string | null }): ReactNode =>
  value === null ? (
    <span className="font-sans text-muted">absent</span>
  ) : (
    <div
      className={`max-w-[60ch] whitespace-pre-wrap break-words [unicode-bidi:isolate] ${value.length > 24 ? 'min-w-[24ch]' : ''}`}
    >
      <VisibleText text={value} />
    </div>
  );

function LeftOut({ unfit }: { readonly unfit: SortedOut['unfit'] }): ReactNode {
  if (unfit.length === 0) return null;
  return (
    <section data-testid="inbox.bulk-left-out" className="rounded border border-line p-2">
      <h3 className="font-semibold">Left out</h3>
      <ul className="text-small">
        {unfit.map(({ card: { gate, risk }, why }) => (
          <li key={gate.gate_id} className="flex items-center gap-2 py-0.5">
            <RiskMark level={risk.level} />
            <span className="untrusted">
              <VisibleText text={`${gate.agent}, ${gate.rule}`} breaks={false} />: {why}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
