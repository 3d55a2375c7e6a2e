import type {
  Dialog,
  MessageBoxOptions,
  MessageBoxReturnValue,
  OpenDialogReturnValue,
  SaveDialogReturnValue,
} from 'electron';
import type { DialogAnswer, DialogRecord } from './desk-record.ts';
import { failOnGaps } from './not-implemented.ts';

interface Open {
  readonly record: DialogRecord;
  answer(answer: DialogAnswer): void;
}

/** Dialogs stay open until the test answers them, as they do for a person. */
const open: Open[] = [];

/** The dialogs that are open, oldest first. */
export const dialogRecords = (): readonly DialogRecord[] => open.map(({ record }) => record);

/** Answer the dialog that has been open longest. */
export function answerDialog(answer: DialogAnswer): void {
  const [first] = open;
  if (first === undefined) throw new Error('no dialog is open');
  first.answer(answer);
  open.shift();
}

function show<T>(record: DialogRecord, read: (answer: DialogAnswer) => T): Promise<T> {
  return new Promise((resolve) => {
    // `read` throws into the test for an answer that this dialog cannot be given.
    open.push({ record, answer: (answer) => resolve(read(answer)) });
  });
}

interface FileOptions {
  readonly title?: string;
  readonly message?: string;
  readonly defaultPath?: string;
}

const methods = {
  showMessageBox: (...given: readonly unknown[]): Promise<MessageBoxReturnValue> => {
    const options = given.at(-1) as MessageBoxOptions;
    const buttons = options.buttons ?? ['OK'];
    return show(messageRecord('message', options), ({ button, checkbox = false }) => {
      const response = button === undefined ? (options.cancelId ?? 0) : buttons.indexOf(button);
      if (response < 0) throw new Error(`no button "${button}" but [${buttons.join(', ')}]`);
      return { response, checkboxChecked: checkbox };
    });
  },
  showSaveDialog: (...given: readonly unknown[]): Promise<SaveDialogReturnValue> =>
    show(fileRecord('save', given.at(-1) as FileOptions), ({ paths }) => ({
      canceled: paths?.[0] === undefined,
      filePath: paths?.[0] ?? '',
    })),
  showOpenDialog: (...given: readonly unknown[]): Promise<OpenDialogReturnValue> =>
    show(fileRecord('open', given.at(-1) as FileOptions), ({ paths = [] }) => ({
      canceled: paths.length === 0,
      filePaths: [...paths],
    })),
  showErrorBox: (title: string, message: string): void => {
    void show(messageRecord('error', { title, message, buttons: ['OK'] }), () => undefined);
  },
} satisfies Partial<Dialog>;

/** Electron's `dialog`. */
export const dialog = failOnGaps('dialog', methods);

const messageRecord = (kind: DialogRecord['kind'], options: MessageBoxOptions): DialogRecord => ({
  kind,
  title: options.title ?? '',
  message: options.message,
  detail: options.detail ?? '',
  buttons: options.buttons ?? ['OK'],
  defaultId: options.defaultId ?? null,
  cancelId: options.cancelId ?? null,
  defaultPath: null,
});

const fileRecord = (kind: DialogRecord['kind'], options: FileOptions): DialogRecord => ({
  ...messageRecord(kind, { message: options.message ?? '', ...(options.title ? { title: options.title } : {}) }),
  buttons: [],
  defaultPath: options.defaultPath ?? null,
});
