import { useState } from 'preact/hooks';
import { stopStream, wordsOf, wouldStop } from '../actions.js';
import { countWord } from '../model/list.js';
import { METHODS } from '../net/methods.js';
import { msOf } from '../net/refusal.js';
import { go, route } from '../route.js';
import { link, listVersion, model, query } from '../state.js';
import { bytesWord, count, labelsWord, nameOf, printable, spanWord } from '../text.js';
import type { Stream } from '../wire/messages.js';
import { MayNotSee } from './administrators.js';
import { Dialog } from './dialog.js';
import { usePolled } from './polled.js';
import { type Column, Table } from './table.js';

const POLL_MS = 2_000;

function columns(stop: (stream: Stream) => void): readonly Column<Stream>[] {
  return [
    { id: 'id', title: 'ID', cell: ({ id }) => id, order: ({ id }) => id, isNumber: true },
    {
      id: 'name',
      title: 'Name',
      cell: ({ params }) => printable(params?.name ?? '') || '–',
      order: ({ params }) => params?.name.toLowerCase() ?? '',
    },
    {
      id: 'source',
      title: 'Source',
      cell: ({ sourceCvid }) => <NodeName sid={sourceCvid} />,
      order: ({ sourceCvid }) => nameOfSid(sourceCvid),
    },
    {
      id: 'sinks',
      title: 'Sinks',
      cell: ({ sinks }) => sinks.map(({ cvid, id }) => <NodeName key={id} sid={cvid} />),
      order: ({ sinks }) => sinks.length,
    },
    { id: 'params', title: 'Parameters', cell: paramsWord, isWide: true },
    ...(link.allows('stream.stop')
      ? [{ id: 'stop', title: 'Stop', cell: (stream: Stream) => <StopButton stream={stream} onStop={stop} /> }]
      : []),
  ];
}

/** The registered streams, besides the one that every session has to the server. */
export function StreamsView() {
  return link.allows('network.read') ? <StreamTable /> : <MayNotSee what="streams" needs="network.read" />;
}

function StreamTable() {
  listVersion.value;
  const [stopping, setStopping] = useState<Stream>();
  const { items, isCut, isRead, problem } = usePolled(METHODS.listStreams, ({ streams }) => streams, POLL_MS);
  const { matcher } = query.value;
  const rows = items.filter(({ sinks, sourceCvid }) => {
    if (sinks.length === 0) return false;
    if (matcher === undefined) return true;
    const ends = [sourceCvid, ...sinks.map(({ cvid }) => cvid)].map((sid) => model.nodes.get(sid));
    return ends.some((node) => node !== undefined && matcher(node, { isAttached: () => undefined }));
  });
  return (
    <div class="view">
      <div class="bar">
        <h1>Streams</h1>
        <p>{isCut ? countWord(rows.length, items.length, isCut) : count(rows.length)}</p>
        <p class="problem">{problem}</p>
      </div>
      <Table
        label="Streams"
        columns={columns(setStopping)}
        rows={rows}
        idOf={({ id }) => id}
        current={route.value.sid}
        empty={<p>{isRead ? 'There are no streams between instances.' : 'Reading …'}</p>}
      />
      {stopping !== undefined && <StopDialog stream={stopping} onClose={() => setStopping(undefined)} />}
    </div>
  );
}

function StopButton({ stream, onStop }: { stream: Stream; onStop: (stream: Stream) => void }) {
  return (
    <button
      type="button"
      class="danger"
      aria-label={`Stop stream ${stream.id}`}
      onClick={(event) => {
        event.stopPropagation();
        onStop(stream);
      }}
    >
      Stop…
    </button>
  );
}

/** Shows first what would stop. */
function StopDialog({ stream: { id, params }, onClose }: { stream: Stream; onClose: () => void }) {
  const [told, setTold] = useState<string>();
  if (told === undefined) {
    wouldStop(id).then(
      (ids) =>
        setTold(
          ids.length === 0 ? 'Nothing would stop: it has stopped already.' : `This would stop: ${ids.join(', ')}.`,
        ),
      (error: unknown) => setTold(wordsOf(error)),
    );
  }
  return (
    <Dialog title={`Stop stream ${id}${params?.name ? ` (${printable(params.name)})` : ''}?`} onClose={onClose}>
      <p>{told ?? 'asking what would stop …'}</p>
      <div class="buttons">
        <button
          type="button"
          class="danger"
          onClick={() => {
            void stopStream(id);
            onClose();
          }}
        >
          Stop stream {id}
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

/** A node by its SID, as a way to it. */
export function NodeName({ sid }: { sid: number }) {
  return (
    <button
      type="button"
      class="plain"
      onClick={(event) => {
        event.stopPropagation();
        go({ view: 'graph', sid, cam: '' });
      }}
    >
      {nameOfSid(sid)}
    </button>
  );
}

/** The name of the node with a SID. */
export function nameOfSid(sid: number): string {
  const node = model.nodes.get(sid);
  return node === undefined ? `#${sid}` : nameOf(node);
}

function paramsWord({ params }: Stream): string {
  if (params === undefined) return '';
  const { timeout, maxBlockBytes, deliveryConfirmation, labels } = params;
  const words = [`blocks to ${bytesWord(maxBlockBytes)}`];
  if (timeout !== undefined) words.push(`stops after ${spanWord(msOf(timeout))} idle`);
  if (deliveryConfirmation) words.push('confirmed');
  return [...words, labelsWord(labels)].filter((word) => word !== '').join(', ');
}
