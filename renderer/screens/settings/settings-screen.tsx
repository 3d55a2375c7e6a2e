import { type ReactNode, useEffect, useRef } from 'react';
import { useConsole } from '../../store/console.ts';
import { navigate } from '../../store/navigation.ts';
import { AppearanceSection } from './appearance-section.tsx';
import { AuditSection } from './audit-section.tsx';
import { DesktopSection } from './desktop-section.tsx';
import { KeyboardSection } from './keyboard-section.tsx';
import { KeysSection } from './keys-section.tsx';
import { NotificationsSection } from './notifications-section.tsx';
import { RedactionSection } from './redaction-section.tsx';
import { RetentionSection } from './retention-section.tsx';
import { TelemetrySection } from './telemetry-section.tsx';

interface Section {
  readonly id: string;
  readonly title: string;
  readonly render: () => ReactNode;
  readonly desktopOnly?: true;
}

const SECTIONS: readonly Section[] = [
  { id: 'keys', title: 'Provider keys', render: () => <KeysSection /> },
  { id: 'notifications', title: 'Notifications', render: () => <NotificationsSection /> },
  { id: 'appearance', title: 'Appearance', render: () => <AppearanceSection /> },
  { id: 'keyboard', title: 'Keyboard', render: () => <KeyboardSection /> },
  { id: 'desktop', title: 'Desktop app', render: () => <DesktopSection />, desktopOnly: true },
  { id: 'audit', title: 'Audit', render: () => <AuditSection /> },
  { id: 'telemetry', title: 'OpenTelemetry', render: () => <TelemetrySection /> },
  { id: 'retention', title: 'Retention', render: () => <RetentionSection /> },
  { id: 'redaction', title: 'Redaction', render: () => <RedactionSection /> },
];

/** All settings on one page; the list at the left scrolls to a section. */
export function SettingsScreen({ section }: { readonly section: string | null }): ReactNode {
  const kind = useConsole((state) => state.host?.kind);
  const content = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (section !== null) content.current?.querySelector(`#settings-${section}`)?.scrollIntoView();
  }, [section]);
  const shown = SECTIONS.filter(({ desktopOnly }) => desktopOnly === undefined || kind === 'desktop');
  return (
    <div className="grid h-full grid-cols-[180px_1fr]">
      <nav aria-label="Sections" className="border-r border-line p-2">
        {shown.map(({ id, title }) => (
          <a
            key={id}
            href={`#/settings/${id}`}
            onClick={(event) => {
              event.preventDefault();
              navigate({ screen: 'settings', section: id });
              content.current?.querySelector(`#settings-${id}`)?.scrollIntoView();
            }}
            className="block rounded px-2 py-1.5 hover:bg-hover"
            aria-current={section === id ? 'true' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <div ref={content} className="overflow-auto p-6" tabIndex={0} data-testid="settings.content">
        <h1 className="mb-4 text-title">Settings</h1>
        <div className="flex max-w-[720px] flex-col gap-8">
          {shown.map(({ id, title, render }) => (
            <section key={id} id={`settings-${id}`} aria-label={title} data-testid={`settings.${id}`}>
              <h2 className="mb-2 text-section font-semibold">{title}</h2>
              <div className="rounded border border-line bg-surface p-4">{render()}</div>
            </section>
          ))}
        </div>
      </div>
    </div>
  );
}
