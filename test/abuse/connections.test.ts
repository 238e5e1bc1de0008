import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { countFromOne, numberVariable } from '../../harness/number-option.js';
import { NOISE_BYTES, tell } from './tools/attack.js';
import { preface, RawConnection, SETTINGS } from './tools/raw.js';
import { Target } from './tools/target.js';

/** How many connections say nothing: 2,000 in CI, 10,000 with SWITCHYARD_ABUSE_CONNECTIONS=10000. */
const CONNECTIONS = numberVariable('SWITCHYARD_ABUSE_CONNECTIONS', countFromOne) ?? 2_000;
/** What a connection costs a server (src/grpc/limits.ts), with room for what is not collected yet. */
const CONNECTION_BYTES = 2 * 30 * 1_024;
const AT_ONCE = 100;

/** The ordinary client's own, and what the server has open of its own now and then. */
const FILES_MAX = 10;

describe('connections that say nothing', () => {
  let target: Target;
  const connections: RawConnection[] = [];
  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.destroy();
    await target.stop();
  });

  it('take the places of each other, and nobody else’s, when there are too many', async () => {
    const places = CONNECTIONS / 2;
    target = await Target.start('--connections-max', String(places));
    const seen = await target.beside(async () => {
      while (connections.length < CONNECTIONS) {
        const more = await Promise.all(Array.from({ length: AT_ONCE }, () => RawConnection.dial(target.address)));
        connections.push(...more);
        // The server speaks first in HTTP/2. Whom it has closed again has heard it, too.
        for (const [at, connection] of more.entries()) {
          if (at % 2 === 0) await connection.write(preface());
          while (connection.isOpen && connection.count(SETTINGS) === 0) await connection.heard();
        }
      }
      await Promise.all(connections.slice(0, CONNECTIONS - places).map((connection) => connection.closed));
    });
    tell(`${CONNECTIONS} connections that say nothing, or only hello`, seen);
    expect(seen.grownBytes).toBeLessThan(places * CONNECTION_BYTES + NOISE_BYTES);
    // Those that were silent for longest have gone, and but for the ordinary client's place or two nobody else.
    expect(connections.filter((connection) => connection.isOpen).length).toBeGreaterThan(places - 10);
  });

  it('are let go of when all of them break in one moment, while others go on', async () => {
    target = await Target.start();
    const before = target.openFiles();
    while (connections.length < CONNECTIONS / 2) {
      const more = await Promise.all(Array.from({ length: AT_ONCE }, () => RawConnection.dial(target.address)));
      connections.push(...more);
      for (const connection of more) {
        await connection.write(preface());
        while (connection.count(SETTINGS) === 0) await connection.heard();
      }
    }
    const seen = await target.beside(async () => {
      for (const connection of connections) connection.destroy();
      while (target.openFiles() > before + FILES_MAX) await wait(10);
    });
    tell(`${connections.length} connections that break in one moment`, seen);
  });
});
