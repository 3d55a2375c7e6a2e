import { memo, type ReactNode } from 'react';
import { VisibleText } from '../../parts/visible-text.tsx';
import { splitLines } from './body-text.ts';

const LINES = 100;
/** Height the browser assumes for a piece it has not laid out yet, px. */
const PIECE_HEIGHT = LINES * 18;

/** Long text in a fixed-width type, complete and wrapped; what is out of view costs no layout. `json` mutes its keys. */
export const CodeText = memo(function CodeText(props: {
  readonly text: string;
  readonly json?: boolean;
  readonly testId?: string;
}): ReactNode {
  const pieces = splitLines(props.text, LINES);
  return (
    <div data-testid={props.testId} className="font-mono text-mono">
      {pieces.map((piece, at) => (
        <pre
          // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place in the text
          key={at}
          className="untrusted font-mono"
          style={
            pieces.length > 1
              ? { contentVisibility: 'auto', containIntrinsicSize: `auto none auto ${PIECE_HEIGHT}px` }
              : undefined
          }
        >
          {props.json === true ? <JsonLines text={piece} /> : <VisibleText text={piece} />}
        </pre>
      ))}
    </div>
  );
});

/** Lines of indented JSON with their keys muted. The text itself is unchanged. */
function JsonLines({ text }: { readonly text: string }): ReactNode {
  return text.split('\n').map((line, at) => {
    const [, key] = /^(\s*"[^"\\]*(?:\\.[^"\\]*)*":)/.exec(line) ?? [];
    const end = at === 0 ? '' : '\n';
    return key === undefined ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place in the text
      <VisibleText key={at} text={end + line} />
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place in the text
      <span key={at}>
        {end}
        <span className="text-muted">
          <VisibleText text={key} />
        </span>
        <VisibleText text={line.slice(key.length)} />
      </span>
    );
  });
}
