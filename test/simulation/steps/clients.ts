import { type DirectConnectionRequest, NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import type { Instance } from '../../../src/client/instance.js';
import type { Host } from '../host.js';
import type { World } from '../world.js';
import { nth, type StepKind, spanMs } from './step.js';

/** Long enough for a stream's idle timeout to be met in a run; 0 means never. */
const TIMEOUTS_MS = [0, 0, 1_000, 30_000];
const TTLS_MS = [undefined, 1_000, 5_000, 20_000, 120_000];

/** The host and its instance, when it has one that is not over. */
function joined(world: World, pick: number): { host: Host; instance: Instance } | undefined {
  const host = nth(world.hosts, pick);
  const instance = host?.instance;
  return instance === undefined || instance.state === 'ended' ? undefined : { host: host!, instance };
}

/** Another session, by any means: of the hosts, so that it may also be one that has just ended. */
function peerOf(world: World, pick: number): number | undefined {
  const sids = world.hosts.flatMap(({ sid }) => sid ?? []);
  return pick % 29 === 0 ? world.truth.state.serverSid : nth(sids, pick);
}

function streamOf(world: World, pick: number): number | undefined {
  const ids = world.hosts.flatMap(({ streams }) => streams);
  return nth(ids, pick);
}

const join: StepKind = {
  weight: 6,
  act: (world, [a, b]) => {
    const host = nth(world.hosts, a);
    if (host?.options.uuid === undefined || (host.instance !== undefined && host.instance.state !== 'ended')) return;
    world.join(host, { ttlMs: nth(TTLS_MS, b), manner: b >>> 8 });
  },
};

const leave: StepKind = {
  weight: 1,
  act: (world, [a]) => {
    void joined(world, a)?.instance.leave();
  },
};

const detach: StepKind = {
  weight: 1,
  act: (world, [a]) => joined(world, a)?.instance.detach(),
};

const keepAlive: StepKind = {
  weight: 2,
  act: (world, [a]) => world.expect(joined(world, a)?.instance.keepAlive()),
};

/** Both ends say so, each when it comes to it. */
const link: StepKind = {
  weight: 10,
  act: (world, [a, b, c]) => {
    const [one, other] = [joined(world, a), joined(world, b)];
    const [sid, peer] = [one?.host.sid, other?.host.sid];
    if (sid === undefined || peer === undefined) return;
    world.expect(one!.instance.linkEstablished(peer, c % 3));
    world.expect(other!.instance.linkEstablished(sid, c % 3));
  },
};

/** One end says so, of anybody, also of what cannot be. */
const report: StepKind = {
  weight: 4,
  act: (world, [a, b, c]) => {
    const peer = peerOf(world, b);
    const one = joined(world, a);
    if (one === undefined || peer === undefined) return;
    const { instance } = one;
    world.expect(c % 2 === 0 ? instance.linkLost(peer, c % 3) : instance.linkEstablished(peer, c % 3));
  },
};

/** What the client's own direct connections begin with; the sockets behind it are not simulated. */
interface Asking {
  unary(
    method: typeof NetworkServiceService.directConnection,
    request: DirectConnectionRequest,
    options: object,
  ): Promise<unknown>;
}

/** Asks for a direct connection to where the caller listens, or (port 0) for one that the server coordinates. */
const connect: StepKind = {
  weight: 3,
  act: (world, [a, b, c]) => {
    const one = joined(world, a);
    const cvid = peerOf(world, b);
    if (one === undefined || cvid === undefined) return;
    const request = { cvid, type: 1 + (c % 2), port: c % 3 === 0 ? 0 : 7_000 + (c % 16), candidates: [] };
    const asking = one.instance as unknown as Asking;
    const { directConnection } = NetworkServiceService;
    world.expect(asking.unary(directConnection, { ...request, publicKey: Buffer.of(), roundTrip: undefined }, {}));
  },
};

const createStream: StepKind = {
  weight: 4,
  act: (world, [a, b, c]) => {
    const one = joined(world, a);
    const sinks = [peerOf(world, b), peerOf(world, c)].slice(0, 1 + (c % 2)).flatMap((sid) => sid ?? []);
    if (one === undefined) return;
    const settings = { name: world.mark(), timeoutMs: nth(TIMEOUTS_MS, b)! };
    const created = one.instance.createStream(sinks, settings);
    world.expect(created.then(({ stream }) => void one.host.streams.push(stream.id)));
  },
};

const updateStream: StepKind = {
  weight: 2,
  act: (world, [a, b]) => {
    const id = streamOf(world, b);
    if (id !== undefined) world.expect(joined(world, a)?.instance.updateStreamParams(id, { name: world.mark() }));
  },
};

const terminateStream: StepKind = {
  weight: 1,
  act: (world, [a, b]) => {
    const id = streamOf(world, b);
    if (id !== undefined) world.expect(joined(world, a)?.instance.terminateStream(id));
  },
};

const stopStream: StepKind = {
  weight: 2,
  act: (world, [a, b, c]) => {
    const id = streamOf(world, b);
    if (id === undefined) return;
    const who = c % 3 === 0 ? world.admin.client : joined(world, a)?.instance;
    world.expect(who?.stopStream(id, { validateOnly: c % 5 === 0 }));
  },
};

const terminateSession: StepKind = {
  weight: 2,
  act: (world, [a]) => {
    const sid = peerOf(world, a);
    if (sid !== undefined) world.expect(world.admin.client.terminateSession(sid, world.mark()));
  },
};

/** What only reads: pages, paths, single things. */
const read: StepKind = {
  weight: 2,
  act: (world, [a, b, c]) => {
    const client = joined(world, a)?.instance ?? world.admin.client;
    const [from, to] = [peerOf(world, b), peerOf(world, c)];
    if (from === undefined || to === undefined) return;
    world.expect(client.getNode(from));
    world.expect(client.findPath(from, to));
    world.expect(world.collect(world.admin.client.listSessions({}, { pageSize: 1 + (c % 5) })));
    world.expect(world.collect(world.admin.client.listStreams({}, { pageSize: 1 + (b % 5) })));
  },
};

/** SIGKILL, or the machine loses its power; it comes back later and joins again. */
const die: StepKind = {
  weight: 1.5,
  act: (world, [a, b, c]) => {
    const host = nth(world.hosts, a);
    if (host !== undefined) world.killHost(host, b % 2 === 0, spanMs(50, 120_000, c));
  },
};

/** SIGSTOP, for up to some minutes. */
const pause: StepKind = {
  weight: 1,
  act: (world, [a, b]) => {
    const host = nth(world.hosts, a);
    if (host === undefined || host.process.isStopped) return;
    host.process.stop();
    host.route.current?.impair('client');
    const { process } = host;
    const connection = host.route.current;
    world.later(spanMs(100, 180_000, b), () => {
      process.proceed();
      connection?.repair('client');
    });
  },
};

/** What instances, observers and administrators do. */
export const CLIENT_STEPS = {
  join,
  leave,
  detach,
  keepAlive,
  link,
  report,
  connect,
  createStream,
  updateStream,
  terminateStream,
  stopStream,
  terminateSession,
  read,
  die,
  pause,
} satisfies Record<string, StepKind>;
