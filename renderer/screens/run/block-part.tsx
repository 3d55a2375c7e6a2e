import type { ReactNode } from 'react';
import { type BlockDetail, describeSent } from '../../../proxy-core/contract/block.ts';
import { showBytes } from '../../format/amount.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { describeWithheld } from './blocks.ts';
import { FactList, Part } from './facts.tsx';

/** A block by a rule, in words: which, what it saw, what was withheld, what the agent was given instead. */
export function BlockPart({ block }: { readonly block: BlockDetail }): ReactNode {
  const text = (value: string): ReactNode => <VisibleText text={value} breaks={false} />;
  return (
    <Part title="Blocked by a rule" testId="run.block">
      <FactList
        facts={[
          ['Rule', text(block.rule)],
          ['Policy', block.policy],
          ['Why', block.message === null ? null : text(block.message)],
          ['What matched', block.matched.length === 0 ? null : <Clauses key="matched" matched={block.matched} />],
          ['How to go on', text(block.recover)],
          ['Withheld', text(describeWithheld(block))],
          ['Its bytes', block.withheld_bytes === null ? null : <Withheld key="bytes" block={block} />],
          ['The agent got', describeSent(block)],
        ]}
      />
    </Part>
  );
}

const Clauses = ({ matched }: { readonly matched: readonly string[] }): ReactNode => (
  <ul className="flex flex-col gap-1">
    {matched.map((clause) => (
      <li key={clause} className="font-mono text-mono">
        <VisibleText text={clause} breaks={false} />
      </li>
    ))}
  </ul>
);

function Withheld({ block }: { readonly block: BlockDetail }): ReactNode {
  const { withheld_bytes, withheld_from, withheld_sha256 } = block;
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      {showBytes(withheld_bytes ?? 0)}
      {withheld_from === 0 ? null : `, behind ${showBytes(withheld_from)} that had passed`}
      {withheld_sha256 === null ? null : (
        <>
          <code className="font-mono text-mono text-muted">{withheld_sha256.slice(0, 12)}…</code>
          <CopyButton text={withheld_sha256} label="SHA-256 of what was withheld" testId="run.block-hash" />
        </>
      )}
    </span>
  );
}
