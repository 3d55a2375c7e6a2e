/** Where the console is. It stands in the address's fragment, so that links, reload and the back button work on `app://` and http alike. */
export type Route =
  | { readonly screen: 'inbox'; readonly tab: 'pending' | 'snoozed' | 'history'; readonly gateId: string | null }
  | { readonly screen: 'runs'; readonly query: string }
  | { readonly screen: 'run'; readonly runId: string; readonly step: number | null; readonly tab: string | null }
  | { readonly screen: 'settings'; readonly section: string | null };

export const HOME: Route = { screen: 'inbox', tab: 'pending', gateId: null };

/** `#/gates/gate_x`, `#/inbox/history`, `#/runs?q=…`, `#/runs/RUN?step=3&tab=audit`, `#/settings/keys`; anything else is the inbox. */
export function parseRoute(fragment: string): Route {
  const [path = '', search = ''] = fragment.replace(/^#/, '').split('?', 2);
  const parameters = new URLSearchParams(search);
  const parts = path.split('/').filter((part) => part !== '');
  const [screen, name, second] = parts.map(decodePart);
  switch (screen ?? '') {
    case 'gates':
      return { screen: 'inbox', tab: 'pending', gateId: name ?? null };
    case 'inbox': {
      const tab = name === 'history' || name === 'snoozed' ? name : 'pending';
      return { screen: 'inbox', tab, gateId: second ?? null };
    }
    case 'runs':
      if (name === undefined) return { screen: 'runs', query: parameters.get('q') ?? '' };
      return { screen: 'run', runId: name, step: wholeNumber(parameters.get('step')), tab: parameters.get('tab') };
    case 'settings':
      return { screen: 'settings', section: name ?? null };
    default:
      return HOME;
  }
}

/** The fragment of a route; `parseRoute` reads it back. */
export function renderRoute(route: Route): string {
  switch (route.screen) {
    case 'inbox': {
      const gate = route.gateId === null ? '' : `/${encodeURIComponent(route.gateId)}`;
      return `#/inbox/${route.tab}${gate}`;
    }
    case 'runs':
      return route.query === '' ? '#/runs' : `#/runs?${new URLSearchParams({ q: route.query }).toString()}`;
    case 'run': {
      const parameters = new URLSearchParams();
      if (route.step !== null) parameters.set('step', String(route.step));
      if (route.tab !== null) parameters.set('tab', route.tab);
      const search = parameters.size === 0 ? '' : `?${parameters.toString()}`;
      return `#/runs/${encodeURIComponent(route.runId)}${search}`;
    }
    case 'settings':
      return route.section === null ? '#/settings' : `#/settings/${route.section}`;
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const wholeNumber = (text: string | null): number | null =>
  text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
