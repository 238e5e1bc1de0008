import { signal } from '@preact/signals';
import { dismissNotice, notice } from './outcome.js';
import { go, route, VIEWS } from './route.js';
import { layout, link, lookAt, model, past } from './state.js';
import { turnTheme } from './theme.js';
import { moveCamera } from './views/graph.js';
import { focusOn } from './views/side.js';

/** Whether the list of keys is shown. */
export const isHelpOpen = signal(false);

/** Every key, as the help has it. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'search'],
  [
    'g then g s t c x h v a i k',
    'Graph, Sessions, sTreams, Connections, Closed (x), Health, serVers, Audit, Identities, ticKets',
  ],
  ['← ↑ → ↓', 'move the graph, or in a table'],
  ['+ − f', 'zoom, fit'],
  ['n N', 'next and previous neighbour of the selection'],
  ['Enter', 'open: focus on the selection, or go to the row’s node'],
  ['Esc', 'back: close what is open, then the selection, then the query'],
  ['Space', 'stop at this moment, or back to live; the timeline goes to earlier ones'],
  ['r', 'lay the graph out anew'],
  ['w', 'choose the network, as an administrator of several'],
  ['d', 'dark, light, or as the system has it'],
  ['?', 'this list'],
];

const CAMERA = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  '+': 'in',
  '=': 'in',
  '-': 'out',
  f: 'fit',
  n: 'next',
  N: 'previous',
} as const;
/** How long after `g` its second key counts. */
const SECOND_MS = 1_500;

let gMs = Number.NEGATIVE_INFINITY;

/** Listens to the keys of the whole page. */
export function listenToKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || link.state.peek().kind === 'loggedOut') return;
    const { target } = event;
    if (target instanceof HTMLElement && target.closest('dialog') !== null) return;
    // Letters choose in a list.
    if (target instanceof HTMLSelectElement) return;
    const isText = target instanceof HTMLInputElement && target.type !== 'range';
    const isTyping = isText || target instanceof HTMLTextAreaElement;
    if (isTyping ? typed(event, target) : pressed(event)) event.preventDefault();
  });
}

function typed({ key }: KeyboardEvent, target: HTMLElement): boolean {
  if (key !== 'Escape' && key !== 'Enter') return false;
  if (key === 'Escape') go({ q: '' });
  target.blur();
  return true;
}

function pressed(event: KeyboardEvent): boolean {
  const { key, target } = event;
  // By when they were pressed, not by when a busy page came to it.
  if (event.timeStamp - gMs < SECOND_MS) {
    gMs = Number.NEGATIVE_INFINITY;
    const view = VIEWS.find((one) => one.key === key);
    if (view !== undefined) {
      go({ view: view.id, sort: '', reason: '' });
      return true;
    }
  }
  switch (key) {
    case 'g':
      gMs = event.timeStamp;
      return true;
    case '/':
      document.querySelector<HTMLInputElement>('#search')?.focus();
      return true;
    case '?':
      isHelpOpen.value = true;
      return true;
    case 'w':
      document.querySelector<HTMLSelectElement>('#network')?.focus();
      return true;
    case 'd':
      turnTheme();
      return true;
    case 'r':
      layout.peek()?.anew();
      return true;
    case ' ':
      return pause(target);
    case 'Escape':
      return back();
    case 'Enter':
      return openSelection(target);
    default:
      return turnCamera(key, target);
  }
}

/** Arrows scroll what scrolls, so they move the camera only where the graph has the focus, or nothing has. */
function turnCamera(key: string, target: EventTarget | null): boolean {
  const how = CAMERA[key as keyof typeof CAMERA];
  const isOnGraph = target === document.body || target instanceof HTMLCanvasElement;
  if (how === undefined || (key.startsWith('Arrow') && !isOnGraph)) return false;
  return moveCamera(how);
}

/** Buttons are pressed by this key, and what scrolls is scrolled by it. */
function pause(target: EventTarget | null): boolean {
  const isOnGraph =
    target === document.body || target instanceof HTMLCanvasElement || target instanceof HTMLInputElement;
  if (route.peek().view !== 'graph' || !isOnGraph) return false;
  lookAt(past.peek() === undefined ? Date.now() : undefined);
  return true;
}

function openSelection(target: EventTarget | null): boolean {
  const node = model.nodes.get(route.peek().sid);
  const isElsewhere = target !== document.body && !(target instanceof HTMLCanvasElement);
  if (node === undefined || isElsewhere || route.peek().view !== 'graph') return false;
  focusOn(node);
  return true;
}

function back(): boolean {
  const { sid, q, reason, cam } = route.peek();
  if (notice.peek().stays) dismissNotice();
  else if (past.peek() !== undefined) lookAt(undefined);
  else if (reason !== '') go({ reason: '' });
  else if (sid !== 0) go({ sid: 0 });
  else if (q !== '') go({ q: '' });
  else if (cam !== '') go({ cam: '' });
  else return false;
  return true;
}
