/** Where a client says which session a request belongs to; the rows of `client-table.ts` are written in these words. */

/** Something that is true of a request. */
export type Mark =
  /** A header is present; where `equals` is given, with exactly this value. */
  | { readonly kind: 'header'; readonly name: string; readonly equals?: string }
  /** The first system text matches. */
  | { readonly kind: 'system'; readonly matches: RegExp }
  /** A header holds a JSON object with this member. */
  | { readonly kind: 'member'; readonly header: string; readonly member: string; readonly equals: string }
  | { readonly kind: 'toolless' }
  /** The answer is to follow a schema. */
  | { readonly kind: 'structured' };

/** Where in a request a client puts an id. */
export type Place =
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'member'; readonly header: string; readonly member: string }
  | { readonly in: 'prompt_cache_key' }
  /** The session in Messages `metadata.user_id`. */
  | { readonly in: 'user_id' }
  /** The end of a user's text: what the first group of the pattern matches, in the latest text that has it. */
  | { readonly in: 'user_text'; readonly matches: RegExp };

/** What a client says of its sessions. Lists of marks hold when all of them do. */
export interface SessionRules {
  /** Ids of the session that names the run; the first that is there counts. */
  readonly ids?: readonly Place[];
  /** The session of a subagent's parent, which then names the run; its own is filed beside it. */
  readonly parent?: Place;
  /** The marks of a subagent's request. `id` null: it says no id, so its subagent is known by the call that began it. */
  readonly subagents?: readonly { readonly when: readonly Mark[]; readonly id: Place | null }[];
  /** Side traffic that names conversations. */
  readonly title?: readonly Mark[];
  /** What ties a title made in a session of its own to its run. */
  readonly installation?: Place;
}
