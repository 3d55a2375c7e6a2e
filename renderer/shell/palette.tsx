import { Command } from 'cmdk';
import { type ReactNode, useState } from 'react';
import { type CommandName, KEYMAP, keysOf } from '../keyboard/keymap.ts';
import { carryOut, offeredCommands } from '../keyboard/use-commands.ts';
import { Keycap } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { runState, StateChip } from '../parts/state-chip.tsx';
import { useQuery } from '../parts/use-query.ts';
import { VisibleText } from '../parts/visible-text.tsx';
import { useConsole } from '../store/console.ts';
import { navigate } from '../store/navigation.ts';
import { isWaiting } from '../store/pending.ts';
import { findRecent, noteRecent } from './recent.ts';

/** Go somewhere, find a run or a gate, or do what the screen offers; what was used lately comes first. */
export function Palette({ onClose }: { readonly onClose: () => void }): ReactNode {
  // What the screen offers is asked once: behind the dialog it does not change.
  const [offered] = useState(() => rankRecent(offeredCommands().filter((name) => isChosen(name))));
  const [text, setText] = useState('');
  const choose = (name: CommandName): void => {
    noteRecent(name);
    onClose();
    carryOut(name);
  };
  const leave = (go: () => void): void => {
    onClose();
    go();
  };
  return (
    <Dialog title="Go to or do" onClose={onClose} testId="shell.palette">
      <Command label="Go to or do" loop>
        <Command.Input
          autoFocus
          value={text}
          onValueChange={setText}
          placeholder="A screen, a command, a run"
          data-testid="shell.palette-input"
          className="mb-2 h-8 w-full rounded border border-control bg-bg px-2"
        />
        <Command.List className="max-h-[50vh] overflow-auto">
          <Command.Empty className="p-3 text-muted">Nothing matches. A run is found by its id.</Command.Empty>
          <Command.Group heading="Commands">
            {offered.map((name) => (
              <CommandItem key={name} name={name} onChoose={() => choose(name)} />
            ))}
          </Command.Group>
          <GateItems onChoose={(gateId) => leave(() => navigate({ screen: 'inbox', tab: 'pending', gateId }))} />
          <RunItems
            text={text}
            onChoose={(runId) => leave(() => navigate({ screen: 'run', runId, step: null, tab: null }))}
          />
        </Command.List>
      </Command>
    </Dialog>
  );
}

/** Moving about is quicker by key; and the palette is open already. */
const isChosen = (name: CommandName): boolean =>
  KEYMAP[name].group !== 'Move' && name !== 'palette' && name !== 'search';

const ITEM =
  'flex min-h-8 cursor-pointer items-center gap-2 rounded px-2 data-[selected=true]:bg-hover data-[selected=true]:outline data-[selected=true]:outline-accent';

function CommandItem({ name, onChoose }: { readonly name: CommandName; readonly onChoose: () => void }): ReactNode {
  const remap = useConsole((state) => state.preferences.keyboard.remap);
  const { label, group } = KEYMAP[name];
  return (
    <Command.Item value={`${group} ${label} ${name}`} onSelect={onChoose} className={ITEM}>
      {group === 'Go to' ? `Go to ${label}` : label}
      <span className="ml-auto">
        <Keycap keys={keysOf(name, remap)} />
      </span>
    </Command.Item>
  );
}

function GateItems({ onChoose }: { readonly onChoose: (gateId: string) => void }): ReactNode {
  const gates = useConsole((state) => state.gates);
  const waiting = [...gates.values()].filter(isWaiting).slice(0, 20);
  if (waiting.length === 0) return null;
  return (
    <Command.Group heading="Waiting gates">
      {waiting.map((gate) => (
        <Command.Item
          key={gate.gate_id}
          value={`gate ${gate.gate_id} ${gate.agent} ${gate.rule}`}
          onSelect={() => onChoose(gate.gate_id)}
          className={ITEM}
        >
          <StateChip state="pending" />
          <span className="untrusted">
            <VisibleText text={`${gate.agent} · ${gate.rule}`} breaks={false} />
          </span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}

function RunItems({
  text,
  onChoose,
}: {
  readonly text: string;
  readonly onChoose: (runId: string) => void;
}): ReactNode {
  const words = text.trim();
  const { value } = useQuery('runs.list', words.length < 3 ? { limit: 5 } : { text: words, limit: 10 });
  if (value === null || value.runs.length === 0) return null;
  return (
    <Command.Group heading={words.length < 3 ? 'Latest runs' : 'Runs'}>
      {value.runs.map((run) => (
        <Command.Item
          key={run.run_id}
          value={`run ${run.run_id} ${run.agent} ${words}`}
          onSelect={() => onChoose(run.run_id)}
          className={ITEM}
        >
          <StateChip state={runState(run)} />
          <span className="untrusted">
            <VisibleText text={`${run.agent} · ${run.run_id}`} breaks={false} />
          </span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}

function rankRecent(names: readonly CommandName[]): readonly CommandName[] {
  const recent = findRecent();
  const rank = (name: CommandName): number => (recent.includes(name) ? recent.indexOf(name) : recent.length);
  return [...names].sort((a, b) => rank(a) - rank(b));
}
