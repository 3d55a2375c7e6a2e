import { Inbox, ListTree, type LucideIcon, PanelLeftClose, PanelLeftOpen, Settings } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import icon from '../../build/icons/icon.svg?url';
import { type Route, renderRoute } from '../route.ts';
import { useConsole } from '../store/console.ts';
import { navigate, useRoute } from '../store/navigation.ts';
import { countPending } from '../store/pending.ts';

interface Place {
  readonly name: string;
  readonly icon: LucideIcon;
  readonly route: Route;
  readonly screens: readonly Route['screen'][];
}

const PLACES: readonly Place[] = [
  { name: 'Inbox', icon: Inbox, route: { screen: 'inbox', tab: 'pending', gateId: null }, screens: ['inbox'] },
  { name: 'Runs', icon: ListTree, route: { screen: 'runs', query: '' }, screens: ['runs', 'run'] },
  { name: 'Settings', icon: Settings, route: { screen: 'settings', section: null }, screens: ['settings'] },
];

const REMEMBERED = 'rungate.rail';

/** The left rail: 200 px, or 48 px collapsed. */
export function Rail(): ReactNode {
  const [collapsed, setCollapsed] = useState(() => localStorage.getItem(REMEMBERED) === 'collapsed');
  const toggle = (): void => {
    localStorage.setItem(REMEMBERED, collapsed ? 'open' : 'collapsed');
    setCollapsed(!collapsed);
  };
  const Toggle = collapsed ? PanelLeftOpen : PanelLeftClose;
  return (
    <nav
      aria-label="Screens"
      className={`row-span-3 flex flex-col gap-1 border-r border-line bg-surface p-2 ${collapsed ? 'w-12' : 'w-[200px] max-narrow:w-12'}`}
    >
      <p className="flex h-8 items-center gap-2 px-1.5 font-semibold text-section">
        <Mark />
        <span className={collapsed ? 'sr-only' : 'max-narrow:sr-only'}>Rungate</span>
      </p>
      {PLACES.map((place) => (
        <PlaceLink key={place.name} place={place} collapsed={collapsed} />
      ))}
      <button
        type="button"
        onClick={toggle}
        data-testid="shell.collapse"
        aria-label={collapsed ? 'Widen the rail' : 'Collapse the rail'}
        className="mt-auto flex h-8 items-center rounded px-2 text-muted hover:bg-hover"
      >
        <Toggle size={16} strokeWidth={1.5} aria-hidden="true" />
      </button>
    </nav>
  );
}

function PlaceLink({ place, collapsed }: { readonly place: Place; readonly collapsed: boolean }): ReactNode {
  const screen = useRoute((route) => route.screen);
  const pending = useConsole(countPending);
  const here = place.screens.includes(screen);
  const count = place.name === 'Inbox' && pending > 0 ? pending : null;
  const { icon: Icon } = place;
  return (
    <a
      href={renderRoute(place.route)}
      onClick={(event) => {
        event.preventDefault();
        navigate(place.route);
      }}
      aria-current={here ? 'page' : undefined}
      title={collapsed ? place.name : undefined}
      data-testid={`shell.${place.name.toLowerCase()}`}
      className={`relative flex h-8 items-center gap-2 rounded px-2 ${here ? 'bg-hover font-semibold' : 'hover:bg-hover'}`}
    >
      <Icon size={16} strokeWidth={1.5} aria-hidden="true" />
      <span className={collapsed ? 'sr-only' : 'max-narrow:sr-only'}>{place.name}</span>
      {count === null ? null : (
        <span
          className={`rounded bg-pending px-1.5 text-small text-ink ${collapsed ? BADGE : `ml-auto ${BADGE_NARROW}`}`}
        >
          {count}
          <span className="sr-only"> waiting</span>
        </span>
      )}
    </a>
  );
}

const BADGE = 'absolute -top-0.5 -right-0.5 px-1 text-minimum';
const BADGE_NARROW =
  'max-narrow:absolute max-narrow:-top-0.5 max-narrow:-right-0.5 max-narrow:px-1 max-narrow:text-minimum';

/** The product's mark, as on its icon: a ladder with a barrier for a rung. */
function Mark(): ReactNode {
  return <img src={icon} width={20} height={20} alt="" />;
}
