import { signal } from '@preact/signals';

/** The views, in the order of the navigation; each with the key that follows `g`. */
export const VIEWS = [
  { id: 'graph', title: 'Graph', key: 'g' },
  { id: 'sessions', title: 'Sessions', key: 's' },
  { id: 'streams', title: 'Streams', key: 't' },
  { id: 'connections', title: 'Connections', key: 'c' },
  { id: 'closed', title: 'Closed', key: 'x' },
  { id: 'health', title: 'Health', key: 'h' },
  { id: 'servers', title: 'Servers', key: 'v' },
  { id: 'audit', title: 'Audit', key: 'a' },
  { id: 'identities', title: 'Identities', key: 'i' },
  { id: 'tickets', title: 'Tickets', key: 'k' },
] as const;
export type ViewId = (typeof VIEWS)[number]['id'];

/** All that a link says: every state of the page has one. */
export interface Route {
  readonly view: ViewId;
  /** The network that is shown; empty for `default`. */
  readonly net: string;
  /** What is asked for, in the language of query.ts. */
  readonly q: string;
  /** The selected node; 0 for none. */
  readonly sid: number;
  /** Where the camera is; empty while it shows everything. */
  readonly cam: string;
  /** Of the graph: by what its nodes are grouped, `:none`, `:linked` or a label's key; empty: as is usual for so many. */
  readonly by: string;
  /** Of tables: the column, with a minus when it descends. */
  readonly sort: string;
  /** Of the closed: the reason that is asked for. Of connections: the one that is open. Of the audit log: ok or refused. */
  readonly reason: string;
}

/** What a network can be called. */
const NETWORK = /^[a-z0-9-]{1,32}$/;

const HOME: Route = { view: 'graph', net: '', q: '', sid: 0, cam: '', by: '', sort: '', reason: '' };

/** Where the page is. Set it by {@link go}. */
export const route = signal<Route>(read(location.hash));
/** Whether the page has no frame of its own: a screen on a wall. */
export const isKiosk = new URLSearchParams(location.search).has('kiosk');

addEventListener('hashchange', () => {
  route.value = read(location.hash);
});

/** Goes elsewhere. A change of view or network can be taken back by the browser; what is typed or dragged is not kept in its history, nor is what `isKept` denies. */
export function go(to: Partial<Route>, { isKept = true }: { readonly isKept?: boolean } = {}): void {
  const next = { ...route.value, ...to };
  const hash = hrefOf(next);
  if (hash === location.hash) return;
  const isNear = next.view === route.value.view && next.net === route.value.net;
  if (isNear || !isKept) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  route.value = next;
}

/** The address of a state. */
export function hrefOf(to: Partial<Route>): string {
  const { view, ...rest } = { ...route.value, ...to };
  const words = Object.entries(rest).filter(([, value]) => value !== '' && value !== 0);
  const query = new URLSearchParams(words.map(([key, value]) => [key, String(value)])).toString();
  return `#${view}${query === '' ? '' : `?${query}`}`;
}

function read(hash: string): Route {
  const [, view = '', query = ''] = /^#?([a-z]*)(?:\?(.*))?$/.exec(hash) ?? [];
  const words = new URLSearchParams(query);
  const sid = Number(words.get('sid'));
  const net = words.get('net') ?? '';
  return {
    view: VIEWS.find(({ id }) => id === view)?.id ?? HOME.view,
    net: NETWORK.test(net) ? net : '',
    q: words.get('q') ?? '',
    sid: Number.isInteger(sid) && sid > 0 ? sid : 0,
    cam: words.get('cam') ?? '',
    by: words.get('by') ?? '',
    sort: words.get('sort') ?? '',
    reason: words.get('reason') ?? '',
  };
}

/** The code that a link to the page brought, which is not to stay in the address. */
export function takeCode(): string | undefined {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    history.replaceState(null, '', '#graph');
    route.value = HOME;
  }
  return code;
}
