import type { Config } from '../../config/options.js';
import { doorLimits, systemLimits } from '../../config/part-limits.js';
import type { LimitUse } from '../../grpc/backing.js';
import type { Engine } from '../engine.js';

/** What the doors hold and have open, as they count it themselves. */
export interface DoorUse {
  readonly connectionCount: number;
  readonly grpcConnectionCount: number;
  heldBytes(): Readonly<Record<string, number>>;
}

/** Every limit in all that has a count, with its use, and without doors those of one network alone: the figures that the metrics have, beside what they are bounded by. */
export function limitUses(config: Config, { replica, feeds }: Engine, doors?: DoorUse): LimitUse[] {
  const { state } = replica;
  const { limits, graph } = state;
  const history = Math.max(
    ...[...Object.values(feeds.grpc), ...Object.values(feeds.system)].map(({ log }) => log.byteSize),
  );
  return [
    count('sessions-max', state.sessions.count, limits.sessionsMax, 'sessions'),
    count('links-max', graph.linkCount, limits.linksMax, 'links'),
    count('reports-max', state.reports.count, limits.reportsMax, 'reports of links'),
    count('streams-max', state.streams.count, limits.streamsMax, 'streams'),
    count('branches-max', state.streams.branchCount, limits.branchesMax, 'branches'),
    count('connections-pending-max', state.connections.pendingCount, limits.connectionsPendingMax, 'connections'),
    ...(doors === undefined ? [] : doorUses(config, doors)),
    count('history-bytes', history, config.historyBytesMax, 'bytes'),
  ];
}

/** What is of the doors, and so of all networks together. */
function doorUses(config: Config, doors: DoorUse): LimitUse[] {
  const door = doorLimits(config);
  const system = systemLimits(config);
  const held = doors.heldBytes();
  return [
    count('connections-max', doors.grpcConnectionCount, door.connectionsMax, 'connections'),
    count('system-connections', doors.connectionCount, system.connectionsMax, 'connections'),
    count('call-bytes-max', held.calls ?? 0, door.callBytesMax, 'bytes'),
    count('request-bytes-max', held.requests ?? 0, door.requestBytesMax, 'bytes'),
    count('answer-bytes-max', held.answers ?? 0, door.answerBytesMax, 'bytes'),
    count('watch-bytes-max', held.watches ?? 0, door.watchBytesMax, 'bytes'),
    count('stream-bytes-max', held.streams ?? 0, door.streamBytesMax, 'bytes'),
  ];
}

function count(name: string, used: number, max: number, unit: string): LimitUse {
  return { name, used, max, unit };
}
