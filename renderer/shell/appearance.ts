import type { Preferences } from '../../proxy-core/contract/host.ts';

/** Put theme, density and motion on the document; with theme `system` it follows the system's changes. */
export function applyAppearance({ theme, density, motion }: Preferences['appearance']): () => void {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    root.dataset['theme'] = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
  };
  apply();
  root.dataset['density'] = density;
  root.dataset['motion'] = motion;
  dark.addEventListener('change', apply);
  return () => dark.removeEventListener('change', apply);
}
