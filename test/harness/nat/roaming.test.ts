import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cell, lacksForCells, type Transport } from '../../../harness/nat/cell.js';
import { compiled } from '../../../harness/nat/compiled.js';
import { NatNetwork } from '../../../harness/nat/network.js';
import { removeRunFolder } from '../../../harness/nat/run-folder.js';
import type { Fallback } from '../../../harness/nat/told.js';
import { sampleOf } from '../../long.js';

const CELL_MS = 120_000;
/** Programs of the namespaces are compiled once, which takes a minute on a busy machine. */
const COMPILE_MS = 300_000;
/** More than the windows hold, so that some of it is on its way as the path dies. */
const TALK_BYTES = 48 << 20;
const STROKE_MS = 300;
/** Address lost, both ends on the relay and all bytes there: a second to notice, and calls that begin anew. */
const AT_ONCE_MS = 15_000;

const lacks = lacksForCells();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Which end's address changes, and over what it is connected. */
interface Row {
  readonly who: string;
  readonly roams: 'a' | 'b';
  readonly transport: Transport;
  readonly fallback: Fallback;
}
const ROWS: readonly Row[] = [
  { who: 'the end that has asked for it', roams: 'a', transport: 'tcp', fallback: 'immediate' },
  { who: 'the end that has accepted it', roams: 'b', transport: 'tcp', fallback: 'immediate' },
  { who: 'an end that wanted the relay late', roams: 'a', transport: 'tcp', fallback: 'late' },
  { who: 'an end that asked for UDP', roams: 'a', transport: 'udp', fallback: 'immediate' },
];

(lacks ? describe.skip : describe)('a direct path in use', () => {
  beforeAll(() => void compiled('harness/nat/server.ts'), COMPILE_MS);
  afterAll(() => {
    NatNetwork.removeAll();
    removeRunFolder();
  });

  it.each(sampleOf(ROWS, 2))(
    'goes on through the server at once when $who changes its address, and finds another direct path over $transport',
    async ({ roams, transport, fallback }) => {
      const cell = await Cell.make({ routers: { a: 'apdf', b: 'apdf', m: 'apdf' } });
      try {
        const { held, path } = await cell.connect(transport, 'a', 'b', { hold: true, fallback });
        expect(path).toBe('direct');
        const before = performance.now();
        const talking = cell.talk('a', held, TALK_BYTES);
        await pass(STROKE_MS);
        cell.network.roam(roams, 'm');
        const talked = await talking;
        expect(talked).not.toHaveProperty('error');
        expect(talked.paths).toContain('relayed');
        expect(performance.now() - before).toBeLessThan(AT_ONCE_MS);
        await cell.linked(transport, 'a', 'b', true);
        let { paths = [] } = talked;
        while (paths.at(-1) !== 'direct') {
          await pass(STROKE_MS);
          const again = await cell.talk('a', held, 1);
          expect(again).not.toHaveProperty('error');
          ({ paths = [] } = again);
        }
        expect(paths.slice(-2)).toEqual(['relayed', 'direct']);
        expect(await cell.talk('a', held, TALK_BYTES)).toMatchObject({ path: 'direct' });
      } finally {
        cell.remove();
      }
    },
    CELL_MS,
  );
});
