import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

/**
 * A menu behind a button. It is not modal: the modal kind writes a style sheet into the page, which the content
 * security policy refuses. Keys pressed in it stay in it.
 */
export function Menu(props: {
  readonly trigger: ReactNode;
  readonly children: ReactNode;
  readonly open?: boolean;
  readonly onOpenChange?: (open: boolean) => void;
  readonly align?: 'start' | 'end';
  readonly label: string;
}): ReactNode {
  const { open, onOpenChange } = props;
  return (
    <DropdownMenu.Root
      modal={false}
      {...(open === undefined ? {} : { open })}
      {...(onOpenChange === undefined ? {} : { onOpenChange })}
    >
      <DropdownMenu.Trigger asChild>{props.trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          aria-label={props.label}
          align={props.align ?? 'end'}
          sideOffset={4}
          collisionPadding={8}
          // Events of a portal climb the tree of components: they are the menu's own, not of what it hangs from.
          onKeyDown={(event) => event.stopPropagation()}
          onClick={(event) => event.stopPropagation()}
          onContextMenu={(event) => event.stopPropagation()}
          className="z-40 max-h-[min(70vh,var(--radix-dropdown-menu-content-available-height))] min-w-44 overflow-auto rounded border border-line bg-surface p-1 text-text shadow-lg"
        >
          {props.children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** An entry of a menu. */
export function MenuItem(props: {
  readonly onSelect: () => void;
  readonly children: ReactNode;
  readonly testId: string;
  readonly icon?: ReactNode;
  readonly hint?: ReactNode;
  readonly disabled?: boolean;
  readonly danger?: boolean;
}): ReactNode {
  return (
    <DropdownMenu.Item
      data-testid={props.testId}
      disabled={props.disabled === true}
      onSelect={props.onSelect}
      className={`flex min-h-7 cursor-pointer items-center gap-2 rounded px-2 outline-none select-none data-[disabled]:cursor-default data-[disabled]:opacity-50 data-[highlighted]:bg-hover data-[highlighted]:outline-2 data-[highlighted]:-outline-offset-2 data-[highlighted]:outline-accent ${props.danger === true ? 'font-medium' : ''}`}
    >
      <span className="flex w-4 justify-center text-muted" aria-hidden="true">
        {props.icon}
      </span>
      <span className="flex-1">{props.children}</span>
      {props.hint === undefined ? null : <span className="text-small text-muted">{props.hint}</span>}
    </DropdownMenu.Item>
  );
}

/** A heading within a menu. */
export const MenuHeading = ({ children }: { readonly children: ReactNode }): ReactNode => (
  <DropdownMenu.Label className="px-2 py-1 text-minimum text-muted">{children}</DropdownMenu.Label>
);

/** A line within a menu. */
export const MenuLine = (): ReactNode => <DropdownMenu.Separator className="my-1 h-px bg-line" />;
