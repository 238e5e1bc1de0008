import { useEffect, useRef } from 'preact/hooks';
import { isKiosk } from '../route.js';
import { layout, listVersion, model, past, picture } from '../state.js';
import { many } from '../text.js';
import { Legend } from './legend.js';
import { Nobody } from './nobody.js';
import { type Movement, Stage } from './stage.js';
import { Timeline } from './timeline.js';

/** The live graph. */
export function GraphView() {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const stage = new Stage(host.current!, canvas.current!);
    current = stage;
    return () => {
      current = undefined;
      stage.close();
    };
  }, []);
  listVersion.value;
  const here = Math.max(0, model.nodes.size - 1);
  const { kind } = picture.value;
  const was = past.value?.model;
  const shown = was ?? model;
  const sizes = `${many(Math.max(0, shown.nodes.size - 1), 'instance')}, ${many(shown.links.length, 'link')}`;
  const label = `Network graph${was === undefined ? '' : ' as it was'}: ${sizes}. The view Sessions has that of now as a table.`;
  return (
    <div class="graph" ref={host}>
      <h1 class="hidden">Network graph</h1>
      <canvas ref={canvas} tabIndex={0} role="img" aria-label={label} />
      {!isKiosk && <Legend />}
      {!isKiosk && <Timeline />}
      {kind === 'loading' && (
        <p class="loading">{many(picture.value.kind === 'loading' ? picture.value.nodes : 0, 'node')} so far …</p>
      )}
      {kind === 'live' && here === 0 && <Nobody />}
    </div>
  );
}

/** The stage that is shown; undefined in other views. */
let current: Stage | undefined;

/** Shows a group of the graph as large as it goes. */
export function showGroup(id: number): void {
  const disc = layout.peek()?.discs.get(id);
  if (disc !== undefined) current?.showDisc(disc);
}

/** Moves the camera of the graph that is shown, for keys. Answers whether there is one. */
export function moveCamera(how: Movement): boolean {
  current?.move(how);
  return current !== undefined;
}
