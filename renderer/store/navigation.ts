import { create } from 'zustand';
import { parseRoute, type Route, renderRoute } from '../route.ts';

/** Where the console is; the address's fragment and this always agree. */
export const useRoute = create<Route>(() => parseRoute(location.hash));

/** Go somewhere. `replace` leaves no entry for the back button. */
export function navigate(route: Route, { replace = false }: { readonly replace?: boolean } = {}): void {
  const fragment = renderRoute(route);
  if (fragment === location.hash) return;
  if (replace) history.replaceState(null, '', fragment);
  else history.pushState(null, '', fragment);
  useRoute.setState(route, true);
}

/** Go where the address's fragment says; it was changed by somebody else. */
export const follow = (): void => useRoute.setState(parseRoute(location.hash), true);
window.addEventListener('hashchange', follow);
window.addEventListener('popstate', follow);
