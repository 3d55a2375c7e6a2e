import type { Attention } from '../channels/attention.ts';
import type { Handlers } from './call.ts';

/** What hosts and browsers say of the notices they were to show. One that is no longer known is passed over. */
export function noticeHandlers(attention: Pick<Attention, 'report'>): Pick<Handlers, 'notices.report'> {
  return {
    'notices.report': ({ notice_id, outcome, detail }) => {
      attention.report(notice_id, outcome, detail ?? '');
      return {};
    },
  };
}
