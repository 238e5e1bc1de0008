import { describe, expect, it } from '@jest/globals';
import { busiestSecond, raiseStorm } from './storm.js';

const LIMIT_MS = 600_000;
const SESSIONS = 100;
const FLEET = { sessions: SESSIONS, connections: 5 };

describe('a fleet that loses its server at one moment', () => {
  it(
    'comes back with all its sessions, and nobody is refused',
    async () => {
      const undo = new Set<() => unknown>();
      const storm = await raiseStorm('kill', { ...FLEET, built: false, progress: () => {}, undo });
      expect(storm).toMatchObject({ lost: 0, refused: 0 });
      expect(storm.buckets.reduce((sum, { taken }) => sum + taken, 0)).toBeGreaterThanOrEqual(SESSIONS);
      expect(undo.size).toBe(0);
    },
    LIMIT_MS,
  );

  it('has its busiest second found wherever it lies', () => {
    const bucket = { attached: 0, begun: 0, refused: 1 };
    const buckets = Array.from({ length: 40 }, (_, at) => ({ ...bucket, ms: at * 100, taken: at === 17 ? 91 : 0 }));
    expect(busiestSecond(buckets)).toBe(101);
  });
});
