import { type GroupChange, GroupPlacement } from './group-placement.js';
import { Placement, type PlacementChange } from './placement.js';

/** A change of the graph. */
interface Changed {
  /** What was laid out before is forgotten, as nodes are grouped in another way now. */
  readonly isNew: boolean;
  /** Its number, which grows by one with each change. */
  readonly turn: number;
}

/** What the page asks of the layout. */
export type LayoutRequest =
  | ({ readonly kind: 'change' } & Changed & PlacementChange)
  | ({ readonly kind: 'group' } & Changed & GroupChange)
  | { readonly kind: 'anew' };

/** Where the nodes are, by slot; NaN for those that are not. */
export interface LayoutAnswer {
  /** The number of the last change that it knows: slots that were given to other nodes since are those of the nodes before. */
  readonly turn: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Discs of groups: number, x, y, radius, and so on; empty where nothing is grouped. */
  readonly discs: Float32Array;
  readonly isAtRest: boolean;
}

/** The part of a worker's world that is used here; the types of both worlds do not go together. */
interface WorkerWorld {
  onmessage: ((event: { readonly data: LayoutRequest }) => void) | null;
  postMessage(message: LayoutAnswer, transfer: readonly ArrayBuffer[]): void;
}

/** Between two pictures while nodes move. */
const TELL_MS = 40;

const world = globalThis as unknown as WorkerWorld;
let placement: Placement | GroupPlacement = new Placement();
let isRunning = false;
let turn = 0;
let toldMs = 0;

world.onmessage = ({ data }) => {
  if (data.kind !== 'anew') turn = data.turn;
  if (data.kind === 'anew') placement.anew();
  else if (data.kind === 'group') {
    if (data.isNew || !(placement instanceof GroupPlacement)) placement = new GroupPlacement();
    placement.change(data);
  } else {
    if (data.isNew || !(placement instanceof Placement)) placement = new Placement();
    placement.change(data);
  }
  tell();
  if (!isRunning) run();
};

/** Steps until it is time to tell, and then lets messages in. */
function run(): void {
  isRunning = true;
  let isMoving = !placement.isAtRest;
  while (isMoving && performance.now() - toldMs < TELL_MS) isMoving = placement.step();
  if (performance.now() - toldMs >= TELL_MS || !isMoving) tell();
  isRunning = isMoving;
  if (isMoving) setTimeout(run, 0);
}

function tell(): void {
  toldMs = performance.now();
  const { isAtRest } = placement;
  const places = placement instanceof Placement ? placement.forces : placement;
  const discs = placement instanceof Placement ? new Float32Array() : placement.discs;
  const [x, y] = [places.x.slice(), places.y.slice()];
  world.postMessage({ turn, x, y, discs, isAtRest }, [x.buffer, y.buffer, discs.buffer]);
}
