import { Download, FileBox } from 'lucide-react';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { ArtifactRecord } from '../../../proxy-core/contract/records.ts';
import { showBytes } from '../../format/amount.ts';
import { Button } from '../../parts/button.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { prettyJson } from './body-text.ts';
import { CodeText } from './code-text.tsx';
import { isPicture } from './messages-tab.tsx';
import { decodeText, type ReadSlice, readBytes, type StoredBytes, useStoredBytes } from './stored-bytes.ts';

/** A file that the run has produced: what it is, how it looks, and how to get it. */
export function ArtifactView({
  artifact,
  open = false,
}: {
  readonly artifact: ArtifactRecord;
  readonly open?: boolean;
}): ReactNode {
  const [shown, setShown] = useState(open);
  const [busy, setBusy] = useState(false);
  const { artifact_id, name, bytes, content_type, sha256 } = artifact;
  const read = useCallback<ReadSlice>(
    (offset, limit) => call('artifacts.body', { artifact_id, offset, limit }),
    [artifact_id],
  );
  const download = async (): Promise<void> => {
    setBusy(true);
    const reply = await readBytes(read, null, Number.POSITIVE_INFINITY);
    setBusy(false);
    if (reply.ok) saveAs(name, reply.value.bytes);
    else toast(`Not downloaded: ${reply.failure.message}`, 'failed');
  };
  return (
    <div className="rounded border border-line">
      <div className="flex flex-wrap items-center gap-2 p-2">
        <FileBox size={16} strokeWidth={1.5} aria-hidden="true" className="text-muted" />
        <span className="untrusted min-w-0 flex-1">
          <VisibleText text={name} breaks={false} />
          <span className="ml-2 text-small text-muted">
            {showBytes(bytes)} · <VisibleText text={content_type} breaks={false} />
          </span>
        </span>
        <Button look="quiet" aria-expanded={shown} onClick={() => setShown(!shown)} data-testid="run.artifact-preview">
          {shown ? 'Hide' : 'Preview'}
        </Button>
        <Button
          icon={<Download size={14} strokeWidth={1.5} aria-hidden="true" />}
          disabled={busy}
          onClick={() => void download()}
          data-testid="run.artifact-download"
        >
          Download
        </Button>
      </div>
      {shown ? (
        <div className="border-t border-line p-2">
          <Preview artifact={artifact} read={read} />
          <p className="untrusted mt-2 font-mono text-minimum text-muted">SHA-256 {sha256}</p>
        </div>
      ) : null}
    </div>
  );
}

/** Pictures up to this size are shown whole, bytes. */
const LARGEST_PICTURE = 4 * 1_048_576;

function Preview({ artifact, read }: { readonly artifact: ArtifactRecord; readonly read: ReadSlice }): ReactNode {
  const { stored, failure, reading, readRest } = useStoredBytes(artifact.artifact_id, read);
  const picture = isPicture(artifact.content_type) && artifact.bytes <= LARGEST_PICTURE;
  if (stored === null)
    return failure === null ? (
      <Loading what="the artifact" />
    ) : (
      <FailureNote message={failure.message} testId="run.artifact-failure" />
    );
  if (picture) return <PicturePreview artifact={artifact} stored={stored} onRest={readRest} />;
  const text = decodeText(stored);
  if (text === null) return <p className="text-muted">Not text. Download it to look at it.</p>;
  const pretty = stored.whole ? prettyJson(text) : null;
  return (
    <>
      <CodeText text={pretty ?? text} json={pretty !== null} testId="run.artifact-text" />
      {stored.whole ? null : (
        <Button className="mt-2" disabled={reading} onClick={readRest}>
          Load the rest of {showBytes(stored.total)}
        </Button>
      )}
    </>
  );
}

function PicturePreview(props: {
  readonly artifact: ArtifactRecord;
  readonly stored: StoredBytes;
  readonly onRest: () => void;
}) {
  const { artifact, stored, onRest } = props;
  const source = useMemo(
    () => (stored.whole ? `data:${artifact.content_type};base64,${base64Of(stored.bytes)}` : null),
    [artifact.content_type, stored],
  );
  if (source === null) return <Button onClick={onRest}>Show the picture ({showBytes(artifact.bytes)})</Button>;
  return <img src={source} alt={`Artifact ${artifact.name}`} className="max-h-96 max-w-full" />;
}

function base64Of(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return btoa(pieces.join(''));
}

/** Give bytes to the browser as a download. The type is opaque, so that nothing of it is ever opened in this origin. */
function saveAs(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replaceAll(/[^\p{L}\p{N}._ -]/gu, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
