import { Placement, type PlacementChange } from './placement.js';

/** What the page asks of the layout. */
export type LayoutRequest = ({ readonly kind: 'change' } & PlacementChange) | { readonly kind: 'anew' };

/** Where the nodes are, by slot; NaN for those that are not. */
export interface LayoutAnswer {
  readonly x: Float32Array;
  readonly y: Float32Array;
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
const placement = new Placement();
let isRunning = false;
let toldMs = 0;

world.onmessage = ({ data }) => {
  if (data.kind === 'anew') placement.anew();
  else placement.change(data);
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
  const { forces, isAtRest } = placement;
  const [x, y] = [forces.x.slice(), forces.y.slice()];
  world.postMessage({ x, y, isAtRest }, [x.buffer, y.buffer]);
}
