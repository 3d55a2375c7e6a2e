import { Bookmark, BookmarkPlus, ChevronDown, Trash2 } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Preferences } from '../../../proxy-core/contract/host.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/field.tsx';
import { Menu, MenuHeading, MenuItem, MenuLine } from '../../parts/menu.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

type View = Preferences['runs']['saved_views'][number];

/** Views that need no saving. */
const BUILT_IN: readonly View[] = [
  { name: 'All runs', query: '' },
  { name: 'Waiting for you', query: 'status:waiting' },
  { name: 'Last 24 hours', query: 'since:24h' },
  { name: 'Over $1', query: 'cost:>1' },
];
const ICON = { size: 14, strokeWidth: 1.5 } as const;

/** Saved views of the list: choose, save the present one, remove. */
export function ViewsMenu({
  query,
  onQuery,
}: {
  readonly query: string;
  readonly onQuery: (query: string) => void;
}): ReactNode {
  const saved = useConsole((state) => state.preferences.runs.saved_views);
  const [dialog, setDialog] = useState<'save' | null>(null);
  const current = [...saved, ...BUILT_IN].find((view) => view.query === query);
  return (
    <>
      <Menu
        label="Views"
        trigger={
          <Button data-testid="runs.views" icon={<Bookmark {...ICON} aria-hidden="true" />}>
            <span className="hidden max-w-32 truncate wide:inline">{current?.name ?? 'Views'}</span>
            <span className="sr-only wide:hidden">Views</span>
            <ChevronDown {...ICON} aria-hidden="true" />
          </Button>
        }
      >
        {BUILT_IN.map((view) => (
          <MenuItem key={view.name} testId="runs.view" onSelect={() => onQuery(view.query)} hint={view.query}>
            {view.name}
          </MenuItem>
        ))}
        {saved.length === 0 ? null : <MenuHeading>Saved</MenuHeading>}
        {saved.map((view) => (
          <MenuItem key={view.name} testId="runs.saved-view" onSelect={() => onQuery(view.query)} hint={view.query}>
            <VisibleText text={view.name} breaks={false} />
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem
          testId="runs.save-view"
          icon={<BookmarkPlus {...ICON} />}
          disabled={query === ''}
          onSelect={() => setDialog('save')}
        >
          Save this view…
        </MenuItem>
        {saved.some((view) => view.query === query) ? (
          <MenuItem
            testId="runs.remove-view"
            icon={<Trash2 {...ICON} />}
            onSelect={() => void storeViews(saved.filter((view) => view.query !== query))}
          >
            Remove this view
          </MenuItem>
        ) : null}
      </Menu>
      {dialog === null ? null : <SaveView query={query} saved={saved} onClose={() => setDialog(null)} />}
    </>
  );
}

function SaveView(props: {
  readonly query: string;
  readonly saved: readonly View[];
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState('');
  const save = async (): Promise<void> => {
    const others = props.saved.filter((view) => view.name !== name.trim());
    if (await storeViews([...others, { name: name.trim(), query: props.query }])) props.onClose();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') void save();
  };
  return (
    <Dialog title="Save this view" testId="runs.save-view-dialog" onClose={props.onClose}>
      <form onSubmit={submit}>
        <p className="untrusted mb-2 font-mono text-mono text-muted">
          <VisibleText text={props.query} breaks={false} />
        </p>
        <TextField
          label="Name"
          maxLength={60}
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
          testId="runs.view-name"
        />
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={name.trim() === ''} data-testid="runs.view-save">
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Keep views with the operator's preferences. Whether it was done. */
async function storeViews(views: readonly View[]): Promise<boolean> {
  const { preferences } = useConsole.getState();
  const runs = { saved_views: views.slice(-30).map(({ name, query }) => ({ name, query: query.slice(0, 400) })) };
  const reply = await call('preferences.set', { preferences: { ...preferences, runs } });
  if (!reply.ok) toast(`The view was not saved: ${reply.failure.message}`, 'failed');
  return reply.ok;
}
