import type { Signing } from '../signing/open-signing.ts';
import type { Store } from '../store/store.ts';
import type { Handlers } from './call.ts';

type AuditHandlers = Pick<Handlers, 'audit.status' | 'audit.verify'>;

/** How the audit stands: its signed head and its anchors; and whether it is whole. */
export function auditHandlers(store: Pick<Store, 'read'>, signing: () => Signing): AuditHandlers {
  return {
    'audit.status': () => {
      const { signer, key } = signing();
      const end = store.read.auditHead();
      const [signed] = store.read.signedHeads(1);
      const head = signed === undefined ? end : { seq: signed.seq, hash: signed.hash };
      const unsigned = signer.problem === null ? [] : [{ where: 'signature', ...NEVER, last_error: signer.problem }];
      const known = key.kind === 'opened' ? key.key : key.publicKey;
      return {
        records: end?.seq ?? 0,
        head: head === null ? null : { ...head, signed_at: signed?.at ?? null },
        key: known?.fingerprint ?? '',
        anchors: [...unsigned, ...signer.anchors()],
      };
    },
    'audit.verify': async () => {
      const { ok, records, broken, detail } = await signing().verify();
      return { ok, records, broken, detail };
    },
  };
}

const NEVER = { last_at: null, last_seq: null } as const;
