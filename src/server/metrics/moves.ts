import { Counter, type Registry } from 'prom-client';
import type { StateView } from '../../core/store/state-view.js';
import type { Publisher } from '../../replica/publisher.js';

/** Counts the sessions that move from one server to another, as this one reads it in the log. */
export function meterMoves(registry: Registry): Publisher {
  const moved = new Counter({
    name: 'switchyard_sessions_moved_total',
    help: 'Sessions that have moved from one server to another since this one started; every server counts all of them.',
    registers: [registry],
  });
  return {
    publish(_position, changes) {
      for (const { kind } of changes) if (kind === 'SessionMoved') moved.inc();
    },
  };
}

/** How many sessions are at a server that is lost. */
export function orphansOf({ servers }: Pick<StateView, 'servers'>): number {
  let count = 0;
  for (const { sid, isLive } of servers.all()) if (!isLive) count += servers.sessionsAt(sid);
  return count;
}
