import { FREE_DESCRIPTORS } from './descriptors.ts';
import type { StoreTrouble } from './store.ts';

/** What an operator can do about it, in a sentence; writing goes on by itself once it is done, unless it says to restart. */
export function cureOf({ reason }: StoreTrouble): string {
  switch (reason) {
    case 'disk_full':
      return 'Free disk space where the home folder lies.';
    case 'no_descriptors':
      return FREE_DESCRIPTORS;
    case 'io_error':
      return 'Check the disk, then restart Rungate.';
    case 'closed':
      return 'Rungate is shutting down; start it again.';
  }
}
