import { type RefObject, useEffect, useState } from 'react';

/** A form that closes loses the focus for a moment; that is no leaving. */
const LEAVE_MS = 300;

/** Whether a person works in this part of the page: the focus or the pointer is in it and the window is theirs. */
export function useEngaged(root: RefObject<HTMLElement | null>): boolean {
  const [engaged, setEngaged] = useState(false);
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    let pointed = false;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const look = (): void => {
      const focused = document.hasFocus() && element.contains(document.activeElement);
      setEngaged(pointed || focused);
    };
    const lookSoon = (): void => {
      if (timer !== null) clearTimeout(timer);
      timer = setTimeout(look, LEAVE_MS);
    };
    const enter = (): void => {
      pointed = true;
      look();
    };
    const leave = (): void => {
      pointed = false;
      lookSoon();
    };
    element.addEventListener('focusin', look);
    element.addEventListener('focusout', lookSoon);
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', leave);
    window.addEventListener('blur', lookSoon);
    window.addEventListener('focus', look);
    return () => {
      if (timer !== null) clearTimeout(timer);
      element.removeEventListener('focusin', look);
      element.removeEventListener('focusout', lookSoon);
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointerleave', leave);
      window.removeEventListener('blur', lookSoon);
      window.removeEventListener('focus', look);
    };
  }, [root]);
  return engaged;
}
