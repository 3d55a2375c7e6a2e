import { HIDDEN_CHARACTERS, showHidden } from '../../../../proxy-core/contract/visible.ts';

/** More marked characters than this are shown as plain text: a page of marks would freeze the window (fault E11). */
const MOST_MARKS = 1_000;
const UNSEEN = new RegExp(`(?![\\n\\t])(?:${HIDDEN_CHARACTERS.source})`, 'gu');

/** Whether a text holds so many hidden characters that each cannot be an element of its own. */
export function isNoisy(text: string): boolean {
  let count = 0;
  for (const _ of text.matchAll(UNSEEN)) {
    count += 1;
    if (count > MOST_MARKS) return true;
  }
  return false;
}

/** The text with every hidden character as `\u{…}`, line breaks and tabs as they are. */
export const shownText = (text: string): string => text.replace(UNSEEN, showHidden);
