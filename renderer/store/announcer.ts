import { create } from 'zustand';

/** What a screen reader is told. The latest text stands in a polite live region; the same text again is told again. */
export const useAnnouncement = create<{ readonly text: string; readonly turn: number }>(() => ({ text: '', turn: 0 }));

/** Tell a screen reader something, politely. */
export const announce = (text: string): void => useAnnouncement.setState(({ turn }) => ({ text, turn: turn + 1 }));
