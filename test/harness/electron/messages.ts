import type { DeskAct, DeskRecord } from './desk-record.ts';

/** A frame as it is known where a message came from; `url` is in the app's own scheme. */
export interface FrameFacts {
  readonly id: string;
  readonly url: string;
  readonly isMain: boolean;
  /** Made up by a test: the frame is no frame of the window. */
  readonly pretended?: boolean;
}

/** What a page of Chromium needs to know of the window it stands for. */
export interface WindowFacts {
  readonly window: number;
  /** Windows of one session share cookies and storage. */
  readonly partition: string;
  readonly width: number;
  readonly height: number;
  /** False: the window's pages run no scripts. */
  readonly scripts: boolean;
  /** The preload's source; null: the window has none. */
  readonly preload: string | null;
  readonly preloadArguments: readonly string[];
}

/** A request as the main process sees it; `url` is in the app's own scheme. */
export interface RequestFacts {
  readonly partition: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly resourceType: string;
  /** Origin of the page behind the request; null for a navigation by the app itself. */
  readonly initiator: string | null;
}

export interface ResponseFacts {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What the stand-in asks of the test process. */
export type ForHost = {
  'window.create': { readonly input: WindowFacts; readonly output: undefined };
  'window.load': { readonly input: { readonly window: number; readonly url: string }; readonly output: undefined };
  'window.reload': { readonly input: { readonly window: number }; readonly output: undefined };
  'window.resize': {
    readonly input: { readonly window: number; readonly width: number; readonly height: number };
    readonly output: undefined;
  };
  'window.close': { readonly input: { readonly window: number }; readonly output: undefined };
  'window.send': {
    readonly input: { readonly window: number; readonly channel: string; readonly args: readonly unknown[] };
    readonly output: undefined;
  };
  'window.script': { readonly input: { readonly window: number; readonly code: string }; readonly output: unknown };
  'window.capture': { readonly input: { readonly window: number }; readonly output: Uint8Array };
  'window.pdf': {
    readonly input: { readonly window: number; readonly options: PdfFacts };
    readonly output: Uint8Array;
  };
  'theme.choose': { readonly input: { readonly source: 'system' | 'light' | 'dark' }; readonly output: undefined };
  'schemes.register': { readonly input: { readonly schemes: readonly string[] }; readonly output: undefined };
  /** Another start of the app found the lock taken. */
  'instance.second': {
    readonly input: { readonly argv: readonly string[]; readonly cwd: string; readonly additional: unknown };
    readonly output: undefined;
  };
};

export interface PdfFacts {
  readonly format: string;
  readonly landscape: boolean;
  readonly printBackground: boolean;
}

/** What the test process asks of the stand-in. */
export type ForMain = {
  'request.serve': { readonly input: RequestFacts; readonly output: ResponseFacts };
  /** Whether the app's own rules on requests let this one leave. */
  'request.judge': { readonly input: RequestFacts; readonly output: { readonly cancel: boolean } };
  'navigation.judge': {
    readonly input: { readonly window: number; readonly url: string; readonly frame: FrameFacts };
    readonly output: { readonly prevented: boolean };
  };
  'popup.judge': {
    readonly input: { readonly window: number; readonly url: string; readonly frameName: string };
    readonly output: { readonly allowed: boolean };
  };
  'download.judge': {
    readonly input: { readonly window: number; readonly url: string };
    readonly output: { readonly prevented: boolean };
  };
  'permission.judge': {
    readonly input: { readonly window: number; readonly permission: string; readonly origin: string };
    readonly output: { readonly granted: boolean };
  };
  'ipc.invoke': { readonly input: IpcFacts; readonly output: unknown };
  'ipc.send': { readonly input: IpcFacts; readonly output: undefined };
  'window.event': {
    readonly input: { readonly window: number; readonly event: WindowEvent };
    readonly output: undefined;
  };
  /** The person clicks the window's close button. */
  'window.close': { readonly input: { readonly window: number }; readonly output: undefined };
  'instance.second': ForHost['instance.second'];
  evaluate: { readonly input: { readonly source: string; readonly argument: unknown }; readonly output: unknown };
  'desk.read': { readonly input: null; readonly output: DeskRecord };
  'desk.act': { readonly input: DeskAct; readonly output: undefined };
  quit: { readonly input: null; readonly output: undefined };
};

export interface IpcFacts {
  readonly window: number;
  readonly frame: FrameFacts;
  readonly channel: string;
  readonly args: readonly unknown[];
}

export type WindowEvent =
  | { readonly kind: 'navigated'; readonly url: string }
  | { readonly kind: 'dom-ready' }
  | { readonly kind: 'loaded' }
  | { readonly kind: 'failed'; readonly url: string; readonly message: string }
  | { readonly kind: 'titled'; readonly title: string }
  | { readonly kind: 'crashed' }
  | { readonly kind: 'gone' };
