import type { ReactNode } from 'react';
import { type CommandName, KEYMAP, keysOf } from '../keyboard/keymap.ts';
import { Button, Keycap } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { useConsole } from '../store/console.ts';

const NAMES = Object.keys(KEYMAP) as readonly CommandName[];
const GROUPS = [...new Set(NAMES.map((name) => KEYMAP[name].group))];

/** Every key and what it does, as it is mapped now. */
export function KeyboardHelp({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { remap, single_keys } = useConsole((state) => state.preferences.keyboard);
  return (
    <Dialog title="Keyboard" onClose={onClose} testId="shell.help" wide>
      {single_keys ? null : <p className="mb-3 text-muted">Single-letter keys are turned off in Settings.</p>}
      <div className="grid grid-cols-2 gap-x-8 gap-y-4">
        {GROUPS.map((group) => (
          <section key={group} aria-label={group}>
            <h3 className="mb-1 font-semibold">{group}</h3>
            <dl>
              {NAMES.filter((name) => KEYMAP[name].group === group).map((name) => (
                <div key={name} className="flex justify-between py-0.5">
                  <dt>{KEYMAP[name].label}</dt>
                  <dd className="flex gap-1">
                    {keysOf(name, remap)
                      .split(' ')
                      .map((key) => (
                        <Keycap key={key} keys={key} />
                      ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div className="mt-4 flex justify-end">
        <Button autoFocus onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
