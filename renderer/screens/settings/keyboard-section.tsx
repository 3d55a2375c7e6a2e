import { type ReactNode, useState } from 'react';
import { type CommandName, KEYMAP, keysOf, renderKey } from '../../keyboard/keymap.ts';
import { Button } from '../../parts/button.tsx';
import { Toggle } from '../../parts/field.tsx';
import { usePreferences } from './use-preferences.ts';

const NAMES = Object.keys(KEYMAP) as readonly CommandName[];

/** Turn single keys off, or give a command another key. */
export function KeyboardSection(): ReactNode {
  const { preferences, change, connected } = usePreferences();
  const { single_keys, remap } = preferences.keyboard;
  const [asking, setAsking] = useState<CommandName | null>(null);
  const assign = (command: CommandName, keys: string): void => {
    setAsking(null);
    const { [command]: _, ...others } = remap;
    void change('keyboard', { remap: keys === KEYMAP[command].keys ? others : { ...others, [command]: keys } });
  };
  return (
    <>
      <Toggle
        label="Single-letter keys"
        hint="They are ignored while you write, and for half a second after the shown gate changes."
        checked={single_keys}
        onChange={(checked) => void change('keyboard', { single_keys: checked })}
        disabled={!connected}
        testId="settings.single-keys"
      />
      <table className="mt-2 w-full">
        <tbody>
          {NAMES.map((name) => (
            <tr key={name} className="border-t border-line">
              <td className="py-1">{KEYMAP[name].label}</td>
              <td className="py-1 text-right">
                <KeyField
                  command={name}
                  keys={keysOf(name, remap)}
                  taken={(keys) => NAMES.find((other) => other !== name && keysOf(other, remap) === keys) ?? null}
                  asking={asking === name}
                  disabled={!connected}
                  onAsk={() => setAsking(name)}
                  onCancel={() => setAsking(null)}
                  onAssign={(keys) => assign(name, keys)}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Button
        className="mt-3"
        disabled={!connected || Object.keys(remap).length === 0}
        onClick={() => void change('keyboard', { remap: {} })}
        data-testid="settings.keys-reset"
      >
        Back to the standard keys
      </Button>
    </>
  );
}

function KeyField(props: {
  readonly command: CommandName;
  readonly keys: string;
  readonly taken: (keys: string) => CommandName | null;
  readonly asking: boolean;
  readonly disabled: boolean;
  readonly onAsk: () => void;
  readonly onCancel: () => void;
  readonly onAssign: (keys: string) => void;
}): ReactNode {
  const [problem, setProblem] = useState<string | null>(null);
  if (!props.asking) {
    return (
      <Button
        disabled={props.disabled}
        onClick={() => {
          setProblem(null);
          props.onAsk();
        }}
        aria-label={`${KEYMAP[props.command].label}: ${props.keys}. Change`}
        className="font-mono"
        data-testid={`settings.key.${props.command}`}
      >
        {props.keys}
      </Button>
    );
  }
  return (
    <>
      {problem === null ? null : <span className="mr-2 text-muted">{problem}</span>}
      <input
        autoFocus
        readOnly
        value="Press a key"
        aria-label={`New key for ${KEYMAP[props.command].label}`}
        className="h-8 w-32 rounded border border-control bg-bg px-2 text-center"
        onBlur={props.onCancel}
        onKeyDown={(event) => {
          if (event.key === 'Tab' || event.key === 'Shift') return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === 'Escape') return props.onCancel();
          const keys = renderKey(event.nativeEvent);
          const taken = props.taken(keys);
          if (taken === null) props.onAssign(keys);
          else setProblem(`${keys} is “${KEYMAP[taken].label}”.`);
        }}
      />
    </>
  );
}
