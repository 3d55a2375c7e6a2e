import { type ReactNode, useMemo } from 'react';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { numbered } from '../numbered.ts';
import { isNoisy, shownText } from './hidden.ts';
import { chunkText, extentOf, isLong, type TextChunk } from './text-chunks.ts';

/**
 * Text of any length, complete in the document, wrapped, hidden characters shown. A long one stands in pieces that the
 * browser lays out only as they come into sight (`content-visibility`), so that 2 MB open at once (fault E11).
 */
export function LongText({ text, className = '' }: { readonly text: string; readonly className?: string }): ReactNode {
  const chunks = useMemo(() => (isLong(extentOf(text)) ? chunkText(text) : null), [text]);
  const noisy = useMemo(() => isNoisy(text), [text]);
  if (chunks === null) {
    return (
      <div className={`untrusted font-mono text-mono ${className}`}>
        {noisy ? shownText(text) : <VisibleText text={text} />}
      </div>
    );
  }
  return (
    <div className={`font-mono text-mono ${className}`}>
      {numbered(chunks).map(({ key, item: chunk }) => (
        <div key={key} className="untrusted" style={heightOf(chunk)}>
          {noisy ? shownText(chunk.text) : <VisibleText text={chunk.text} />}
        </div>
      ))}
    </div>
  );
}

const LINE_PX = 18;
/** Characters on a wrapped line, roughly: only the scroll bar depends on it. */
const WRAP = 80;

const heightOf = ({ text, lines }: TextChunk): React.CSSProperties => ({
  contentVisibility: 'auto',
  containIntrinsicBlockSize: `auto ${Math.max(lines, Math.ceil(text.length / WRAP)) * LINE_PX}px`,
});
