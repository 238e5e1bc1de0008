import { computed, signal } from '@preact/signals';
import { Layout, type LayoutPort } from './layout/layout.js';
import { startLayoutWorker } from './layout/start-worker.js';
import { ChangeLog } from './model/changes.js';
import { type GraphChange, GraphModel, type GraphNode } from './model/graph.js';
import { History, type PastPicture, type Place } from './model/history.js';
import { CLOSE_REASONS } from './model/instance.js';
import { follow } from './net/follow.js';
import { DEFAULT_NETWORK, Link } from './net/link.js';
import { METHODS } from './net/methods.js';
import { msOf, type RefusedError } from './net/refusal.js';
import { dismissNotice, warn } from './outcome.js';
import { listPauseMs } from './pace.js';
import { loadPlaces, placesKey, preparePlaces, savePlaces } from './places.js';
import { type Matcher, parseQuery, QueryError } from './query.js';
import { go, route } from './route.js';
import type { ClosedMessage, Network, NetworkMessage, Position, ServerFacts, Session } from './wire/messages.js';
import { WATCH_KIND } from './wire/messages.js';

/*
 * All that the page knows, and how it comes to know it. Views read the signals; nothing here knows of views.
 */

/** A session that has ended, as the page heard of it. */
export interface ClosedSession {
  readonly id: number;
  readonly atMs: number;
  readonly sid: number;
  readonly uuid: string;
  readonly name: string;
  /** None where the page has not seen it live. */
  readonly labels: ReadonlyMap<string, string>;
  readonly reason: string;
  /** How long the page had seen it live; undefined when it was there before the page or not seen at all. */
  readonly livedMs: number | undefined;
}

/** How far the picture of the graph is. */
export type Picture =
  /** The first snapshot comes; so many nodes of it are there. */
  | { readonly kind: 'loading'; readonly nodes: number }
  /** It is what the server says. */
  | { readonly kind: 'live' }
  /** It was; what became of it since is not known. */
  | { readonly kind: 'stale' };

/** Sessions that ended and are kept. */
const CLOSED_MAX = 2_000;
/** How often facts that no watch tells are asked for. */
const POLL_MS = { server: 5_000, sessions: 5_000, networks: 10_000 } as const;
/** Beyond so many sessions the poll of them is only made while their table is open, and less often. */
const SESSIONS_POLLED_MAX = 5_000;
const SESSIONS_PAGE = 1_000;
const PLACES_MS = 10_000;
const NO_LABELS: ReadonlyMap<string, string> = new Map();

export const link = new Link();
export const model = new GraphModel();
export const changes = new ChangeLog();
export const picture = signal<Picture>({ kind: 'loading', nodes: 0 });
export const position = signal<Position | undefined>(undefined);
/** Grows, a few times a second at most, when something has changed that lists show. */
export const listVersion = signal(0);
/** Why the graph is not followed right now; undefined while it is. */
export const refusal = signal<RefusedError | undefined>(undefined);
export const server = signal<ServerFacts | undefined>(undefined);
/** The networks of the server, as administrators are told them. */
export const networks = signal<readonly Network[]>([]);
export const closed = signal<readonly ClosedSession[]>([]);
export const sessions = signal<ReadonlyMap<number, Session>>(new Map());
/** The nodes of a path that was asked for. */
export const path = signal<readonly number[]>([]);
/** The graph as it was at the moment that is looked at; undefined: what is shown is live. */
export const past = signal<PastPicture | undefined>(undefined);
/** What the page remembers; undefined until the first picture is whole. */
export const history = signal<History | undefined>(undefined);
/** The layout; undefined until it is known for which server. */
export const layout = signal<Layout | undefined>(undefined);

/** What is asked for, and what is wrong with how. */
export const query = computed<{ readonly matcher: Matcher | undefined; readonly problem: string }>(() => {
  const { q } = route.value;
  if (q.trim() === '') return { matcher: undefined, problem: '' };
  try {
    return { matcher: parseQuery(q), problem: '' };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { matcher: undefined, problem: error.message };
  }
});

/** Shows the graph as it was at a moment, or live again. */
export function lookAt(atMs: number | undefined): void {
  const reachMs = history.peek()?.reachMs ?? 0;
  past.value = atMs === undefined ? undefined : history.peek()?.at(Math.max(atMs, reachMs), model, placeOf);
}

function placeOf(node: GraphNode): Place | undefined {
  return layout.peek()?.placeOf(node);
}

/** Whether a session has an attachment; undefined while it is not known. */
export function isAttached(sid: number): boolean | undefined {
  return sessions.value.get(sid)?.attached;
}

/** The instances of the graph that are asked for. */
export function matchingNodes(): GraphNode[] {
  const { matcher } = query.value;
  const all = [...model.nodes.values()].filter(({ parent }) => parent !== 0);
  return matcher === undefined ? all : all.filter((node) => matcher(node, { isAttached }));
}

/** Those who have gone: the end of a session and its leaving of the graph are told in no order. */
const gone = new Map<number, Pick<GraphNode, 'name' | 'labels'> & { readonly cameMs: number | undefined }>();
const cameMs = new Map<number, number>();
const goneReasons = new Map<number, string>();
/** The snapshot that comes, until it is whole. */
let coming: GraphModel | undefined;
let layoutWorker: LayoutPort | undefined;
let listTimer = 0;
let closedId = 0;
/** To whom the page has shown what it knows; empty before it has. */
let shownTo = '';

/** Begins to follow the server as soon as {@link link} is connected. */
export function begin(): void {
  // Both take longer than the first messages of the server.
  layoutWorker = startLayoutWorker();
  preparePlaces();
  link.onOpen.add(() => void askServer());
  link.onOpen.add(() => void askNetworks());
  link.network.subscribe(settleNetwork);
  route.subscribe(followNetwork);
  link.state.subscribe(({ kind }) => {
    if (kind === 'loggedOut') forget();
    if (kind !== 'open' && picture.peek().kind === 'live') picture.value = { kind: 'stale' };
  });
  link.user.subscribe((user) => {
    if (user !== '' && shownTo !== '' && user !== shownTo) forget();
    if (user !== '') shownTo = user;
  });
  follow({
    link,
    method: METHODS.watchNetwork,
    request: (after) => ({ after, coalesce: true }),
    position: () => {
      coming = undefined;
      return position.peek();
    },
    told: takeNetwork,
    stopped: (why) => {
      refusal.value = why;
      if (why !== undefined && picture.peek().kind === 'live') picture.value = { kind: 'stale' };
    },
    forget: () => {
      position.value = undefined;
    },
  });
  let closedAfter: Position | undefined;
  follow({
    link,
    method: METHODS.watchClosed,
    request: (after) => ({ after }),
    position: () => closedAfter,
    told: (message) => {
      closedAfter = message.position ?? closedAfter;
      takeClosed(message);
    },
    stopped: () => {},
    forget: () => {
      closedAfter = undefined;
    },
  });
  setInterval(() => void askServer(), POLL_MS.server);
  setInterval(() => {
    if (sessions.peek().size <= SESSIONS_POLLED_MAX || route.peek().view === 'sessions') void askSessions();
  }, POLL_MS.sessions);
  setInterval(() => void askNetworks(), POLL_MS.networks);
  setInterval(keepPlaces, PLACES_MS);
  link.begin({ wanted: () => route.peek().net, moved: showAnew });
}

/** Forgets all that a login has shown. The watches bring back what stands once somebody is logged in. */
function forget(): void {
  position.value = undefined;
  coming = undefined;
  layout.peek()?.change(model.become(new GraphModel()));
  changes.clear();
  for (const map of [gone, goneReasons, cameMs]) map.clear();
  picture.value = { kind: 'loading', nodes: 0 };
  for (const one of [past, history, server]) one.value = undefined;
  for (const one of [networks, closed, path]) one.value = [];
  sessions.value = new Map();
  dismissNotice();
  bump();
}

/** Loads the page again, at the address that it has: nothing of a network stays in the picture of another. */
function showAnew(): void {
  location.reload();
}

/** Puts into the address which network is shown: a viewer's is that of the login, whatever the link said. */
function settleNetwork(shown: string): void {
  const { net } = route.peek();
  const named = shown === DEFAULT_NETWORK ? '' : shown;
  if (shown === '' || net === named || (net === shown && named === '')) return;
  const isOther = net !== '';
  if (isOther) warn(`this login is for the network ${shown}, and not for ${net}`);
  go({ net: named, ...(isOther ? { sid: 0, cam: '' } : {}) }, { isKept: false });
}

/** Goes to the network that the address names now, when whoever is logged in may. */
function followNetwork(): void {
  const shown = link.network.peek();
  if (shown === '' || link.role.peek() === null) return;
  if (link.networkOf() === shown) settleNetwork(shown);
  else showAnew();
}

/** Asks which networks there are. */
export async function askNetworks(): Promise<void> {
  const isHidden = document.visibilityState === 'hidden';
  if (link.role.peek() !== 'administrator' || link.state.peek().kind !== 'open' || isHidden) return;
  try {
    networks.value = (await link.ask(METHODS.listNetworks)).networks;
  } catch {
    // As they were is better than nothing.
  }
}

/** Asks what the server is. What it says of its position tells whether the picture is whole again. */
export async function askServer(): Promise<void> {
  if (link.state.peek().kind !== 'open' || document.visibilityState === 'hidden') return;
  try {
    const facts = await link.ask(METHODS.getServer);
    const isFirst = server.peek() === undefined;
    server.value = facts;
    if (layout.peek() === undefined) await makeLayout(facts.serverUuid);
    if (isFirst) void askSessions();
    const [here, there] = [position.peek(), facts.position];
    const isReached = here?.epoch === there?.epoch && (here?.revision ?? 0) >= (there?.revision ?? 1);
    if (isReached && picture.peek().kind === 'stale' && refusal.peek() === undefined) picture.value = { kind: 'live' };
  } catch {
    // The chip says how the connection stands.
  }
}

/** Reads all sessions: what they are attached to is in no watch. */
export async function askSessions(): Promise<void> {
  if (link.state.peek().kind !== 'open' || document.visibilityState === 'hidden') return;
  try {
    const found = new Map<number, Session>();
    let pageToken = '';
    do {
      const page = await link.ask(METHODS.listSessions, { pageSize: SESSIONS_PAGE, pageToken });
      for (const session of page.sessions) found.set(session.cvid, session);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    sessions.value = found;
    bump();
  } catch {
    // As it was is better than nothing.
  }
}

async function makeLayout(uuid: string): Promise<void> {
  const places = await loadPlaces(placesKey(uuid, link.network.peek()));
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  layoutWorker ??= startLayoutWorker();
  const made = new Layout(layoutWorker, model, places, isCalm);
  // What came before the layout was there.
  made.change({ added: [...model.nodes.values()], removed: [], linked: [...model.links], unlinked: [] });
  layout.value = made;
}

function keepPlaces(): void {
  const [uuid, shown] = [server.peek()?.serverUuid, layout.peek()];
  const places = shown?.isAtRest && picture.peek().kind === 'live' ? shown.places() : undefined;
  if (uuid !== undefined && places !== undefined) void savePlaces(placesKey(uuid, link.network.peek()), places);
}

function takeNetwork({ kind, deltas, position: at }: NetworkMessage): void {
  if (kind === WATCH_KIND.reset) {
    coming = new GraphModel();
    if (picture.peek().kind === 'live') picture.value = { kind: 'stale' };
    return;
  }
  if (kind === WATCH_KIND.snapshot) {
    coming ??= new GraphModel();
    for (const delta of deltas) coming.apply(delta);
    if (picture.peek().kind === 'loading') picture.value = { kind: 'loading', nodes: coming.nodes.size };
    return;
  }
  if (kind === WATCH_KIND.snapshotEnd) {
    const isFirst = picture.peek().kind === 'loading';
    const whole = coming ?? new GraphModel();
    changed(model.nodes.size === 0 ? model.adopt(whole) : model.become(whole), at?.revision ?? 0, !isFirst);
    coming = undefined;
  }
  const last = at?.revision ?? 0;
  for (const [index, delta] of deltas.entries()) {
    changed(model.apply(delta), last - (deltas.length - 1 - index), true);
  }
  position.value = at ?? position.peek();
  if (picture.peek().kind !== 'live') picture.value = { kind: 'live' };
}

function changed(change: GraphChange, revision: number, isTold: boolean): void {
  const nowMs = Date.now();
  for (const { sid, name, labels } of change.removed) {
    remember(gone, sid, { name, labels, cameMs: cameMs.get(sid) });
    cameMs.delete(sid);
  }
  if (isTold) for (const { sid } of change.added) cameMs.set(sid, nowMs);
  if (isTold) history.peek()?.add(change, { atMs: nowMs, revision }, placeOf);
  else history.value = new History(nowMs);
  if (isTold) changes.add(change, revision, nowMs, (sid) => goneReasons.get(sid) ?? '');
  layout.peek()?.change(change);
  bump();
}

function takeClosed({ endpointClosed }: ClosedMessage): void {
  if (endpointClosed === undefined) return;
  const { cvid: sid, reason: number, name, instanceUuid: uuid } = endpointClosed;
  const reason = CLOSE_REASONS[number] ?? `reason ${number}`;
  const atMs = Date.now();
  const known = model.nodes.get(sid) ?? gone.get(sid);
  const sinceMs = gone.get(sid)?.cameMs ?? cameMs.get(sid) ?? msOf(sessions.peek().get(sid)?.openedAt);
  const livedMs = sinceMs > 0 ? atMs - sinceMs : undefined;
  remember(goneReasons, sid, reason);
  changes.explain(sid, reason);
  const { labels = NO_LABELS } = known ?? {};
  const line = { id: ++closedId, atMs, sid, uuid, name: name || (known?.name ?? ''), labels, reason, livedMs };
  closed.value = [line, ...closed.peek()].slice(0, CLOSED_MAX);
  bump();
}

function remember<Value>(map: Map<number, Value>, sid: number, value: Value): void {
  map.delete(sid);
  map.set(sid, value);
  if (map.size <= CLOSED_MAX) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}

function bump(): void {
  if (listTimer !== 0) return;
  listTimer = setTimeout(
    () => {
      listTimer = 0;
      listVersion.value++;
    },
    listPauseMs(model.nodes.size + model.links.length),
  );
}
