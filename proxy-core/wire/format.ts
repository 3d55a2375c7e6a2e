import type { Usage, WireFormat } from '../contract/records.ts';

/**
 * What Rungate reads out of a request and an answer, the same for every wire format. One file per format
 * implements `Format`; `formats.ts` is the table. Reading never changes a byte of what is forwarded.
 */

/** A tool the request lets the model call. */
export interface DeclaredTool {
  readonly name: string;
  /** `function` and `custom` run at the client; `server` is run by the provider itself (web search, code interpreter, hosted MCP). */
  readonly kind: 'function' | 'custom' | 'server';
  /** Codex groups tools in namespaces; a call then names both. For MCP the server's label, for Anthropic toolsets the family. */
  readonly namespace?: string;
  /** The entry also stands for tools that the request does not name (a hosted MCP server, a toolset, tool search). */
  readonly anyName?: true;
  /** Its arguments are free in form, or such that a call of another tool fits in (`schema-reach.ts`): it may run any tool. */
  readonly open?: true;
}

/** A tool call in a model's answer, complete. */
export interface ToolCall {
  readonly id: string | null;
  readonly name: string;
  readonly kind: 'function' | 'custom' | 'server';
  readonly namespace?: string;
  /** The arguments exactly as the model wrote them: JSON text for functions, free text for custom tools. */
  readonly argsText: string;
  /** The arguments were longer than is kept: they count as unparsable. */
  readonly truncated?: true;
}

/** The result of an earlier tool call, as the client sends it back. */
export interface ToolResult {
  readonly callId: string;
  readonly isError: boolean;
  /** What the tool answered, as it stands in the body; only of the latest results. */
  readonly output?: unknown;
}

/** The facts of one request body. */
export interface RequestFacts {
  readonly model: string | null;
  /** Models that it may lead to beside `model` (`further-models.ts`), each once. */
  readonly furtherModels: readonly string[];
  /** It may also lead to models that it does not name, or not in a form that is known. */
  readonly unnamedModels: boolean;
  readonly stream: boolean;
  readonly tools: readonly DeclaredTool[];
  /** The request's own output ceiling in tokens, per choice. */
  readonly outputLimit: number | null;
  /** How many choices are asked for (`n`), at least 1. */
  readonly choices: number;
  /** Results of earlier tool calls, oldest first. */
  readonly toolResults: readonly ToolResult[];
  /** Ids of earlier answers or conversations that this request builds on (`previous_response_id`, `conversation`). */
  readonly responseIds: readonly string[];
  /** Features whose input cannot be bounded from the body. */
  readonly unbounded: readonly UnboundedFeature[];
  /** `background: true`: the answer would be produced outside this exchange. */
  readonly background: boolean;
  /** Chat streams: the client asked for the usage chunk itself. */
  readonly asksUsage: boolean;
  readonly sessionHints: SessionHints;
  /** The answer is to follow a JSON schema (or be JSON): with no tools, the mark of a client's side request such as a title. */
  readonly structuredOutput: boolean;
}

/** What makes a body no bound for its input: it refers to something stored, or holds compressed pictures or pages. */
export type UnboundedFeature =
  | 'previous_response_id'
  | 'conversation'
  | 'item_reference'
  | 'stored_prompt'
  | 'server_tool'
  | 'file_reference'
  | 'inline_file'
  | 'image_reference'
  | 'inline_image'
  | 'audio'
  | 'container'
  | 'fallback_model';

/** What a body says about the client's own session. */
export interface SessionHints {
  /** Anthropic `metadata.user_id`, as text. */
  readonly metadataUserId: string | null;
  readonly promptCacheKey: string | null;
  /** First system text block (Claude Code puts `cc_is_subagent=true` there). */
  readonly systemHead: string | null;
}

/** What one more piece of an answer brought, so that the caller can decide what may leave. */
export interface FrameEffect {
  /**
   * The frame begins, continues or ends a tool call that runs at the client, or cannot be read and so might: from the
   * first such frame on, a gate may have to hold.
   */
  readonly toolCall: boolean;
  /** Chat's extra chunk that carries nothing but usage: hidden if the client did not ask for it. */
  readonly usageOnly: boolean;
  /** The frame ends the answer (`[DONE]`, `response.completed` and its like, `message_stop`). */
  readonly terminal: boolean;
}

/** What is known of an answer so far; complete once `end()` has returned. */
export interface ResponseReport {
  readonly responseId: string | null;
  readonly model: string | null;
  readonly usage: Usage | null;
  readonly toolCalls: readonly ToolCall[];
  /**
   * Where clients put an answer together differently: further calls that one of them may read in it. They are judged like
   * `toolCalls`, and are neither counted nor recorded. Absent where all read the same.
   */
  readonly otherCalls?: readonly ToolCall[];
  readonly finishReason: string | null;
  /** The terminal event (stream) or a whole JSON document (otherwise) has been read. */
  readonly complete: boolean;
  /** An error the provider put inside a 200 stream. */
  readonly error: { readonly type: string; readonly message: string } | null;
  /**
   * Part of the answer cannot be read, is over a limit, or says two things at once (duplicate keys, a call whose parts
   * disagree): the tool calls listed may not be what the client will see, so gates and blocks must fail closed.
   */
  readonly malformed: boolean;
}

/** Told the words of an answer (of its first choice) piece by piece, as they come; not its thinking, not its calls. */
export type TextListener = (text: string) => void;

/** Reads one answer incrementally. Never throws on bad bytes: it reports `complete: false`. */
export interface ResponseReader {
  /** Feed the next bytes, cut anywhere. */
  push(bytes: Uint8Array): void;
  /** No more bytes will come. */
  end(): void;
  /** The same as `report.complete`, cheap enough to ask after every chunk. */
  readonly complete: boolean;
  readonly report: ResponseReport;
  /** Tell these the words of the answer from now on. */
  listen(hear: TextListener): void;
  /** What the model said, without its thinking; the start of it where it is long. */
  readonly text: string;
}

/** A tool by what a call says of it. */
export type NamedTool = Pick<ToolCall, 'name' | 'kind' | 'namespace'>;

/** What is known of the calls of a stream that is still coming; kept, so that asking costs nothing however many calls there are. */
export interface Begun {
  /** The tools that are, or may be, called: distinct, in the order in which they were named. Grows at its end only. */
  readonly tools: readonly NamedTool[];
  /** How many calls have begun, at most. */
  readonly calls: number;
  /** There is, or may be, a call whose tool is not known. */
  readonly unsure: boolean;
  /** There were events that are none of the format's, nor any that could hold a call. */
  readonly foreign: boolean;
}

/** A reader for a streamed answer that also says what each whole SSE frame did. */
export interface StreamReader extends ResponseReader {
  /** Feed one whole frame (its terminating blank line included). `last`: the stream ended, the blank line may be missing. */
  pushFrame(frame: Uint8Array, last?: boolean): FrameEffect;
  readonly begun: Begun;
}

/**
 * Whether a tool that an answer says has run at the provider may be one of those: only what the request declared so is; of anything else
 * the client may think that it is its own to run.
 */
export type AtProvider = (tool: Pick<ToolCall, 'name' | 'namespace'>) => boolean;

/** What a reader keeps at most. */
export interface ReadLimits {
  /** Bytes of a whole JSON answer. */
  readonly bodyBytes: number;
  /** Bytes of one SSE frame. */
  readonly frameBytes: number;
  /** Characters of arguments, over all tool calls of an answer. */
  readonly argsLength: number;
}

/** One wire format. */
export interface Format {
  readonly name: WireFormat;
  /** Facts of a parsed request body; tolerant of unknown and missing fields. */
  parseRequest(body: unknown): RequestFacts;
  /** A reader for a non-streamed JSON answer. Without `atProvider` the answer is believed (for what is only shown). */
  jsonReader(limits?: Partial<ReadLimits>, atProvider?: AtProvider): ResponseReader;
  /** A reader for a `text/event-stream` answer. */
  streamReader(limits?: Partial<ReadLimits>, atProvider?: AtProvider): StreamReader;
  /** A refusal's JSON body (see `refusal.ts`) as one SSE event inside a stream that has already begun. */
  renderStreamError(body: string): string;
}
