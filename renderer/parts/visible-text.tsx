import { Fragment, type ReactNode } from 'react';
import { HIDDEN_CHARACTERS, showHidden } from '../../proxy-core/contract/visible.ts';
import { visibleParts } from './visible-parts.ts';

/**
 * Text from models, tools and files, complete and inert. Threat: a character that hides, reorders or imitates text makes
 * a reviewer approve something else (fault E10). So every control, bidi, zero-width and tag character is shown as
 * `\u{202e}` in a marked box; line breaks and tabs keep their look. Nothing is ever set as HTML.
 */
export function VisibleText({ text, breaks = true }: { readonly text: string; readonly breaks?: boolean }): ReactNode {
  const parts = visibleParts(text, breaks);
  if (parts.length === 1) return parts[0] as string;
  return (
    <Fragment>
      {parts.map((part) =>
        typeof part === 'string' ? (
          part
        ) : (
          <mark
            key={part.at}
            className="mx-px rounded-[3px] bg-pending px-0.5 font-mono text-ink"
            title="A character that would not be seen"
          >
            {showHidden(part.mark)}
          </mark>
        ),
      )}
    </Fragment>
  );
}

/** Whether the text holds characters that `VisibleText` marks; line breaks and tabs are not counted. */
export const hidesSomething = (text: string): boolean => {
  for (const [mark] of text.matchAll(HIDDEN_CHARACTERS)) if (mark !== '\n' && mark !== '\t') return true;
  return false;
};
