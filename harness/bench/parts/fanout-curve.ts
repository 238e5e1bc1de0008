import type { Curve } from '../benches/curve.js';
import { deliveryMicros, FULL } from '../benches/fanout.js';
import { median } from '../row.js';
import { dataFolder, startBare, startSwitchyard } from './servers.js';

/** How many watchers, and how many changes the rival is given then, which serializes each for each of them. */
const CASES = [
  { watchers: 10, rivalChanges: 8_000 },
  { watchers: 100, rivalChanges: 2_000 },
  { watchers: 300, rivalChanges: 1_000 },
  { watchers: 1_000, rivalChanges: 400 },
  { watchers: 3_000, rivalChanges: 150 },
];
const CHANGES = 10_000;

/** What a delivered change costs the server, and how that goes with the number of watchers. */
export async function benchFanoutCurve(rounds: number, progress: (line: string) => void): Promise<Curve[]> {
  const data = dataFolder();
  try {
    const ours: [number, number][] = [];
    const rival: [number, number][] = [];
    for (const { watchers, rivalChanges } of CASES) {
      const [one, other]: number[][] = [[], []];
      for (let round = 0; round < rounds; round++) {
        one.push(await deliveryMicros(() => startSwitchyard(data.path), watchers, CHANGES, FULL));
        other.push(await deliveryMicros(startBare, watchers, rivalChanges, FULL));
      }
      ours.push([watchers, median(one)]);
      rival.push([watchers, median(other)]);
      progress(`${watchers} watchers: ${median(one).toFixed(3)} µs, bare grpc-js ${median(other).toFixed(2)} µs`);
    }
    return [
      {
        bench: 'curve',
        what: 'Changes delivered to many watchers, full load',
        x: 'watchers',
        y: 'CPU of the server for each delivered change, µs',
        xScale: 'log',
        yScale: 'log',
        series: [
          { name: 'Switchyard', points: ours },
          { name: 'bare grpc-js', points: rival },
        ],
      },
    ];
  } finally {
    data.remove();
  }
}
