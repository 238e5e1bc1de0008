import { describe, expect, it } from '@jest/globals';
import { raiseStorm } from '../../../harness/faults/storm.js';

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
});
