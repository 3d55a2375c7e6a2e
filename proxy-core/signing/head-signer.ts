import { headText, type SignedHead } from '../audit/signed-head.ts';
import type { Clock, Log } from '../ports.ts';
import type { Store } from '../store/store.ts';
import type { Anchor } from './anchor.ts';
import { type OpenedKey, signText } from './signing-key.ts';

/**
 * Signs the audit's head when it has grown, and writes it to the anchors now and then. Nothing waits for it: a failure
 * is kept to be shown, and what was missed is covered by the next head.
 */
export interface HeadSigner {
  /** How each anchor stands. */
  anchors(): readonly AnchorState[];
  /** Why heads are not signed at present, or null. */
  readonly problem: string | null;
  /** Sign what there is now and write it to the anchors; resolves when both are done or have failed. */
  flush(): Promise<void>;
  /** `flush` a last time, and stop. Call it before the store is closed. */
  close(): Promise<void>;
}

export interface AnchorState {
  readonly where: string;
  readonly last_at: number | null;
  readonly last_seq: number | null;
  readonly last_error: string | null;
}

export interface HeadSignerOptions {
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly key: OpenedKey;
  readonly anchors: readonly Anchor[];
  /** Between two writes to the anchors, ms. */
  readonly anchorEveryMs: number;
}

/** How often it is looked whether the chain has grown, ms. */
const LOOK_EVERY = 1_000;
/** A head is signed at the latest so long after the chain has grown, ms, or after so many records. */
const SIGN_AFTER = 5_000;
const SIGN_RECORDS = 500;
/** At the end an anchor that hangs must not keep the program from ending, ms. */
const CLOSE_PATIENCE = 5_000;

export function createHeadSigner(options: HeadSignerOptions): HeadSigner {
  const { store, clock, log, key } = options;
  const states = new Map(options.anchors.map(({ name }) => [name, { where: name, ...NEVER } as AnchorState]));
  const [newest] = store.read.signedHeads(1);
  let signed: SignedHead | null = newest ?? null;
  let grownSince: number | null = null;
  let anchoredAt: number | null = null;
  let problem = key.kind === 'closed' ? key.problem : null;
  let working: Promise<void> = Promise.resolve();
  if (problem !== null) log.warn('audit.unsigned', { problem });

  const signNow = async (): Promise<void> => {
    const head = store.read.auditHead();
    const installation = store.read.installation();
    if (key.kind === 'closed' || head === null || installation === null || head.seq === signed?.seq) return;
    const at = clock.now();
    const { fingerprint, raw, privateKey } = key.key;
    const statement = { v: 1, installation, ...head, at, key: fingerprint, public_key: raw } as const;
    const next = { ...statement, signature: signText(privateKey, headText(statement)) };
    grownSince = null;
    // Durable, and with it every record before: an anchor must never know more than a power cut leaves.
    await store.write('signHead', { head: next }).durable;
    signed = next;
    problem = null;
  };

  const anchorOne = async (anchor: Anchor, head: SignedHead): Promise<void> => {
    const before = states.get(anchor.name);
    if (before?.last_seq === head.seq && before.last_error === null) return;
    try {
      await anchor.write(head);
      states.set(anchor.name, { where: anchor.name, last_at: clock.now(), last_seq: head.seq, last_error: null });
    } catch (error) {
      const last_error = error instanceof Error ? error.message : String(error);
      if (before?.last_error === null) log.warn('audit.anchor_failed', { anchor: anchor.name, error: last_error });
      states.set(anchor.name, { ...(before ?? { where: anchor.name, ...NEVER }), last_error });
    }
  };

  const anchorNow = async (): Promise<void> => {
    const head = signed;
    if (head === null) return;
    anchoredAt = clock.now();
    await Promise.all(options.anchors.map((anchor) => anchorOne(anchor, head)));
  };

  /** One after the other; a failure is shown, never thrown. */
  const queue = (work: () => Promise<void>): Promise<void> => {
    working = working.then(work).catch((error: unknown) => {
      problem = error instanceof Error ? error.message : String(error);
      log.warn('audit.unsigned', { problem });
    });
    return working;
  };

  const look = (): void => {
    const head = store.read.auditHead();
    if (head === null || key.kind === 'closed') return;
    const now = clock.now();
    if (head.seq !== signed?.seq) grownSince ??= now;
    const due = grownSince !== null && now - grownSince >= SIGN_AFTER;
    if (due || head.seq - (signed?.seq ?? 0) >= SIGN_RECORDS) void queue(signNow);
    if (anchoredAt === null || Math.abs(now - anchoredAt) >= options.anchorEveryMs) void queue(anchorNow);
  };

  const timer = setInterval(() => {
    try {
      look();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }, LOOK_EVERY).unref();

  const flush = async (): Promise<void> => {
    await queue(signNow);
    await queue(anchorNow);
  };
  return {
    anchors: () => [...states.values()],
    get problem() {
      return problem;
    },
    flush,
    async close() {
      clearInterval(timer);
      const late = Promise.withResolvers<void>();
      const patience = setTimeout(late.resolve, CLOSE_PATIENCE);
      await Promise.race([flush(), late.promise]);
      clearTimeout(patience);
    },
  };
}

const NEVER = { last_at: null, last_seq: null, last_error: null } as const;
