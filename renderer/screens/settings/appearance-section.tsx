import type { ReactNode } from 'react';
import { Choice } from '../../parts/field.tsx';
import { usePreferences } from './use-preferences.ts';

export function AppearanceSection(): ReactNode {
  const { preferences, change, connected } = usePreferences();
  const { theme, density, motion } = preferences.appearance;
  return (
    <>
      <Choice
        label="Theme"
        value={theme}
        options={[
          ['system', 'As the system'],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ]}
        onChange={(value) => void change('appearance', { theme: value })}
        disabled={!connected}
        testId="settings.theme"
      />
      <Choice
        label="Density"
        value={density}
        options={[
          ['comfortable', 'Comfortable'],
          ['compact', 'Compact'],
        ]}
        onChange={(value) => void change('appearance', { density: value })}
        disabled={!connected}
        testId="settings.density"
      />
      <Choice
        label="Motion"
        value={motion}
        options={[
          ['system', 'As the system'],
          ['reduced', 'Reduced'],
        ]}
        onChange={(value) => void change('appearance', { motion: value })}
        disabled={!connected}
        testId="settings.motion"
      />
    </>
  );
}
