import { Search, X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useCommands } from '../../keyboard/use-commands.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { coreNow } from '../../store/console.ts';
import {
  accepted,
  type Facets,
  inForce,
  openDraft,
  problemOf,
  type QueryDraft,
  reopened,
  type Suggestion,
  settled,
  suggest,
  typed,
  withoutChip,
} from './query-draft.ts';

/** Words are sought once typing pauses; a chip counts at once. */
const TYPING_MS = 60;

/** The bar that says which runs are shown: conditions as chips, words to find, suggestions while typing. */
export function QueryBar(props: {
  readonly query: string;
  readonly facets: Facets;
  readonly onQuery: (query: string) => void;
  /** The bar is written in for the first time: what it suggests is needed soon. */
  readonly onFocus: () => void;
  /** Leave the bar for the list. */
  readonly onLeave: () => void;
}): ReactNode {
  const { query, facets, onQuery } = props;
  const [draft, setDraft] = useState(() => openDraft(query));
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement | null>(null);
  const list = useId();
  const sent = useRef(query);

  useEffect(() => {
    // The address changed by other means: back button, saved view, Clear.
    if (query === sent.current) return;
    sent.current = query;
    setDraft(openDraft(query));
  }, [query]);

  const wanted = inForce(draft);
  const { length: chips } = draft.chips;
  const sentChips = useRef(chips);
  useEffect(() => {
    if (wanted === sent.current) return;
    const send = (): void => {
      sent.current = wanted;
      sentChips.current = chips;
      onQuery(wanted);
    };
    if (chips !== sentChips.current) return send();
    const timer = setTimeout(send, TYPING_MS);
    return () => clearTimeout(timer);
  }, [wanted, chips, onQuery]);

  const focus = useCallback(() => input.current?.focus(), []);
  useCommands(useMemo(() => ({ search: focus }), [focus]));

  const suggestions = open ? suggest(draft, facets) : [];
  const change = (next: QueryDraft): void => {
    setDraft(next);
    setChosen(-1);
  };
  const accept = (suggestion: Suggestion): void => {
    change(accepted(draft, suggestion));
    setOpen(!suggestion.whole);
    focus();
  };
  const walk = (by: 1 | -1): void => {
    const count = suggestions.length + 1;
    if (open) setChosen((before) => ((before + 1 + by + count) % count) - 1);
    else setOpen(true);
  };
  const enter = (): void => {
    const next = settled(draft, coreNow());
    change(next);
    setOpen(false);
    if (next.text === draft.text) props.onLeave();
  };
  const press = (event: KeyboardEvent<HTMLInputElement>): void => {
    const picked = suggestions[chosen];
    const atStart = input.current?.selectionStart === 0 && input.current.selectionEnd === 0;
    if (event.key === 'ArrowDown') walk(1);
    else if (event.key === 'ArrowUp') walk(-1);
    else if ((event.key === 'Tab' || event.key === 'Enter') && picked !== undefined) accept(picked);
    else if (event.key === 'Enter') enter();
    else if (event.key === 'Escape' && open) setOpen(false);
    else if (event.key === 'Escape') props.onLeave();
    else if (event.key === 'Backspace' && atStart && draft.chips.length > 0) change(reopened(draft));
    else return;
    event.preventDefault();
  };

  const problem = problemOf(draft, coreNow());
  return (
    <div className="relative min-w-0 flex-1 basis-56">
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: a click beside the chips is a click into the input */}
      <div
        onClick={(event) => {
          if (event.target === event.currentTarget) focus();
        }}
        className="flex min-h-8 flex-wrap items-center gap-1 rounded border border-control bg-surface px-2 py-0.5 focus-within:outline-2 focus-within:outline-accent"
      >
        <Search size={14} strokeWidth={1.5} aria-hidden="true" className="text-muted" />
        {draft.chips.map((chip, at) => (
          <span
            key={chip}
            data-testid="runs.chip"
            className="flex max-w-full items-center rounded border border-line bg-hover pl-1.5 font-mono text-small"
          >
            <span className="truncate py-0.5">
              <VisibleText text={chip} breaks={false} />
            </span>
            <button
              type="button"
              aria-label={`Remove ${chip}`}
              onClick={() => {
                change(withoutChip(draft, at));
                focus();
              }}
              className="flex min-h-6 min-w-6 items-center justify-center rounded text-muted hover:text-text"
            >
              <X size={12} aria-hidden="true" />
            </button>
          </span>
        ))}
        <input
          ref={input}
          value={draft.text}
          data-testid="runs.query"
          role="combobox"
          aria-label="Filter runs"
          aria-expanded={suggestions.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
          aria-invalid={problem !== null}
          placeholder={
            draft.chips.length === 0 ? 'Filter: status:waiting agent:… cost:>1 since:2d, or words to find' : ''
          }
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            change(typed(draft, event.target.value, coreNow()));
            setOpen(true);
          }}
          onFocus={props.onFocus}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={press}
          className="h-6 min-w-24 flex-1 bg-transparent outline-none"
        />
        {draft.chips.length === 0 && draft.text === '' ? null : (
          <button
            type="button"
            aria-label="Clear the filter"
            data-testid="runs.clear-query"
            onClick={() => {
              change({ chips: [], text: '' });
              focus();
            }}
            className="flex min-h-6 min-w-6 items-center justify-center rounded text-muted hover:text-text"
          >
            <X size={14} aria-hidden="true" />
          </button>
        )}
      </div>
      {problem === null ? null : (
        <p
          role="alert"
          className="absolute top-full z-20 mt-1 rounded border border-rejected bg-surface px-2 py-1 text-small"
        >
          {problem}
        </p>
      )}
      <Suggestions id={list} suggestions={suggestions} chosen={chosen} onAccept={accept} />
    </div>
  );
}

function Suggestions(props: {
  readonly id: string;
  readonly suggestions: readonly Suggestion[];
  readonly chosen: number;
  readonly onAccept: (suggestion: Suggestion) => void;
}): ReactNode {
  return (
    <div
      id={props.id}
      role="listbox"
      aria-label="Suggestions"
      hidden={props.suggestions.length === 0}
      className="absolute top-full left-0 z-30 mt-1 w-[min(420px,100%)] rounded border border-line bg-surface p-1 shadow-lg"
    >
      {props.suggestions.map((suggestion, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the combobox's, which names the chosen option
        <div
          key={suggestion.text}
          id={`${props.id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === props.chosen}
          data-testid="runs.suggestion"
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => props.onAccept(suggestion)}
          className={`flex min-h-7 cursor-pointer items-center gap-3 rounded px-2 hover:bg-hover ${at === props.chosen ? 'bg-hover outline-2 -outline-offset-2 outline-accent' : ''}`}
        >
          <span className="min-w-0 truncate font-mono text-mono">
            <VisibleText text={suggestion.text} breaks={false} />
          </span>
          <span className="ml-auto text-small whitespace-nowrap text-muted">{suggestion.hint}</span>
        </div>
      ))}
    </div>
  );
}
