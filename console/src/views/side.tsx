import { useState } from 'preact/hooks';
import { findPath, terminateSession } from '../actions.js';
import type { GraphNode } from '../model/graph.js';
import { LINK_TYPES } from '../model/instance.js';
import { go, route } from '../route.js';
import { changes, layout, link, listVersion, model, path } from '../state.js';
import { labelsWord, many, nameOf, printable, timeWord } from '../text.js';
import { Dialog } from './dialog.js';
import { Groups } from './groups.js';
import { ageWord, attachedWord, Kind, ttlWord } from './sessions.js';

/** Lines of the list of changes that are shown. */
const LINES_SHOWN = 60;
/** Neighbours that are listed; a gateway has thousands. */
const NEIGHBOURS_SHOWN = 40;

/** Beside the graph: the selection, and what has changed. */
export function Side() {
  listVersion.value;
  const node = model.nodes.get(route.value.sid);
  return (
    <aside class="side" aria-label="Selection, groups and changes">
      {route.value.sid !== 0 && <Selection node={node} sid={route.value.sid} />}
      <Groups />
      <Changes />
    </aside>
  );
}

function Selection({ node, sid }: { node: GraphNode | undefined; sid: number }) {
  const [isAsked, setAsked] = useState(false);
  if (node === undefined) {
    return (
      <section class="selection">
        <h2>#{sid}</h2>
        <p>is not here, or not any more.</p>
        <button type="button" onClick={() => go({ sid: 0 })}>
          Close
        </button>
      </section>
    );
  }
  const peers = [...node.links].map(([peer, { types }]) => ({ peer: model.nodes.get(peer), types }));
  return (
    <section class="selection">
      <h2>{nameOf(node)}</h2>
      <p class="muted">
        <Kind node={node} /> · SID {node.sid}
      </p>
      <dl>
        <dt>Attached</dt>
        <dd>{attachedWord(sid)}</dd>
        <dt>Age</dt>
        <dd>{ageWord(sid)}</dd>
        <dt>TTL</dt>
        <dd>{ttlWord(sid)}</dd>
        <dt>UUID</dt>
        <dd>
          <code>{node.uuid}</code>
        </dd>
        {node.labels.size > 0 && (
          <>
            <dt>Labels</dt>
            <dd>{labelsWord(node.labels)}</dd>
          </>
        )}
      </dl>
      <div class="buttons">
        <button type="button" onClick={() => focusOn(node)}>
          Focus
        </button>
        <PathTo from={node} />
        {link.allows('session.terminate') && (
          <button type="button" class="danger" onClick={() => setAsked(true)}>
            Terminate…
          </button>
        )}
        <button type="button" onClick={() => go({ sid: 0 })}>
          Close
        </button>
      </div>
      <h3>{many(node.links.size, 'link')}</h3>
      <ul class="peers">
        {peers.slice(0, NEIGHBOURS_SHOWN).map(({ peer, types }) =>
          peer === undefined ? null : (
            <li key={peer.sid}>
              <button type="button" class="plain" onClick={() => go({ sid: peer.sid })}>
                {nameOf(peer)}
              </button>
              <span class="muted">{typesWord(types)}</span>
            </li>
          ),
        )}
        {peers.length > NEIGHBOURS_SHOWN && <li class="muted">and {peers.length - NEIGHBOURS_SHOWN} more</li>}
      </ul>
      {isAsked && <Terminate node={node} onClose={() => setAsked(false)} />}
    </section>
  );
}

/** Shows a node in the middle. */
export function focusOn(node: GraphNode): void {
  const place = layout.value?.placeOf(node);
  if (place !== undefined) go({ cam: `${Math.round(place[0])},${Math.round(place[1])},1.4` });
}

function PathTo({ from }: { from: GraphNode }) {
  const [isOpen, setOpen] = useState(false);
  const search = (words: string) => {
    const wanted = words.trim().toLowerCase();
    const to = [...model.nodes.values()].find(
      ({ name, sid }) => name.toLowerCase() === wanted || String(sid) === wanted,
    );
    if (to !== undefined) void findPath(from.sid, to.sid);
    return to !== undefined;
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Path to…
      </button>
      {path.value.length > 0 && (
        <button type="button" onClick={() => (path.value = [])}>
          Hide path
        </button>
      )}
      {isOpen && <PathDialog from={from} onSearch={search} onClose={() => setOpen(false)} />}
    </>
  );
}

function PathDialog(props: { from: GraphNode; onSearch: (words: string) => boolean; onClose: () => void }) {
  const [problem, setProblem] = useState('');
  return (
    <Dialog title={`Path from ${nameOf(props.from)}`} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const words = String(new FormData(event.currentTarget).get('to'));
          if (props.onSearch(words)) props.onClose();
          else setProblem(`nobody is called ${words}`);
        }}
      >
        <label>
          To the name or SID
          <input name="to" autocomplete="off" />
        </label>
        <p role="alert" class="problem">
          {problem}
        </p>
        <button type="submit">Find</button>
      </form>
    </Dialog>
  );
}

function Terminate({ node, onClose }: { node: GraphNode; onClose: () => void }) {
  return (
    <Dialog title={`Terminate ${nameOf(node)}?`} onClose={onClose}>
      <p>
        Session {node.sid} ends, and with it {many(node.links.size, 'link')} and its streams. The instance may open
        another.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void terminateSession(node.sid, String(new FormData(event.currentTarget).get('reason')));
          onClose();
        }}
      >
        <label>
          Why, for its owner
          <input name="reason" maxLength={1024} autocomplete="off" />
        </label>
        <button type="submit" class="danger">
          Terminate session {node.sid}
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </form>
    </Dialog>
  );
}

const VERBS = { came: '+', left: '−', linked: '~', unlinked: '~' } as const;

function Changes() {
  const lines = changes.lines.slice(-LINES_SHOWN).reverse();
  return (
    <section class="changes">
      <h2>Changes</h2>
      {lines.length === 0 && <p class="muted">Nothing has changed since this page was opened.</p>}
      <ol>
        {lines.map(({ id, atMs, kind, node, links, reason }) => (
          <li key={id} class={kind}>
            <time>{timeWord(atMs)}</time> <span aria-hidden="true">{VERBS[kind]}</span>{' '}
            <button type="button" class="plain" onClick={() => go({ sid: node.sid })}>
              {nameOf(node)}
            </button>{' '}
            <span class="muted">{words(kind, links, reason)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function words(kind: keyof typeof VERBS, links: number, reason: string): string {
  const with_ = links > 0 ? ` with ${many(links, 'link')}` : '';
  if (kind === 'came') return `came${with_}`;
  if (kind === 'left') return `left${with_}${reason === '' ? '' : `, ${printable(reason)}`}`;
  return kind === 'linked' ? `has ${many(links, 'new link')}` : `lost ${many(links, 'link')}`;
}

function typesWord(types: number): string {
  return LINK_TYPES.filter((_, type) => types & (1 << type)).join(' ');
}
