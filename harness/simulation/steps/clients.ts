import { type DirectConnectionRequest, NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import type { SwitchyardError } from '../../../src/client/error.js';
import type { Instance } from '../../../src/client/instance/instance.js';
import type { Fleet, Member } from '../clients/fleet.js';
import { nth, type StepKind } from './step.js';

/** Long enough for a stream's idle timeout to be met in a run; 0 means never. */
const TIMEOUTS_MS = [0, 0, 1_000, 30_000];
const TTLS_MS = [undefined, 1_000, 5_000, 20_000, 120_000];

/** The host and its instance, when it has one that is not over. */
function joined(fleet: Fleet, pick: number): { host: Member; instance: Instance } | undefined {
  const host = nth(fleet.hosts, pick);
  const instance = host?.instance;
  return instance === undefined || instance.state === 'ended' ? undefined : { host: host!, instance };
}

/** Another session, by any means: of the hosts, so that it may also be one that has just ended. */
function peerOf(fleet: Fleet, pick: number): number | undefined {
  const sids = fleet.hosts.flatMap(({ sid }) => sid ?? []);
  return pick % 29 === 0 ? fleet.serverSid : nth(sids, pick);
}

function streamOf(fleet: Fleet, pick: number): number | undefined {
  const ids = fleet.hosts.flatMap(({ streams }) => streams);
  return nth(ids, pick);
}

const join: StepKind<Fleet> = {
  weight: 6,
  act: (fleet, [a, b]) => {
    const host = nth(fleet.hosts, a);
    if (host?.uuid === undefined || (host.instance !== undefined && host.instance.state !== 'ended')) return;
    fleet.join(host, { ttlMs: nth(TTLS_MS, b), manner: b >>> 8 });
  },
};

const leave: StepKind<Fleet> = {
  weight: 1,
  act: (fleet, [a]) => {
    void joined(fleet, a)?.instance.leave();
  },
};

const detach: StepKind<Fleet> = {
  weight: 1,
  act: (fleet, [a]) => joined(fleet, a)?.instance.detach(),
};

const keepAlive: StepKind<Fleet> = {
  weight: 2,
  act: (fleet, [a]) => expect(fleet, joined(fleet, a)?.instance.keepAlive()),
};

/** Both ends say so, each when it comes to it. */
const link: StepKind<Fleet> = {
  weight: 10,
  act: (fleet, [a, b, c]) => {
    const [one, other] = [joined(fleet, a), joined(fleet, b)];
    const [sid, peer] = [one?.host.sid, other?.host.sid];
    if (sid === undefined || peer === undefined) return;
    expect(fleet, one!.instance.linkEstablished(peer, 1 + (c % 2)));
    expect(fleet, other!.instance.linkEstablished(sid, 1 + (c % 2)));
  },
};

/** One end says so, of anybody, also of what cannot be. */
const report: StepKind<Fleet> = {
  weight: 4,
  act: (fleet, [a, b, c]) => {
    const peer = peerOf(fleet, b);
    const one = joined(fleet, a);
    if (one === undefined || peer === undefined) return;
    const { instance } = one;
    expect(fleet, c % 2 === 0 ? instance.linkLost(peer, c % 3) : instance.linkEstablished(peer, c % 3));
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
const connect: StepKind<Fleet> = {
  weight: 3,
  act: (fleet, [a, b, c]) => {
    const one = joined(fleet, a);
    const cvid = peerOf(fleet, b);
    if (one === undefined || cvid === undefined) return;
    const request = { cvid, type: 1 + (c % 2), port: c % 3 === 0 ? 0 : 7_000 + (c % 16), candidates: [] };
    const asking = one.instance as unknown as Asking;
    const { directConnection } = NetworkServiceService;
    const rest = {
      publicKey: Buffer.of(),
      roundTrip: undefined,
      relayVersion: 0,
      connectionId: '',
      requestId: fleet.mark(),
      fallback: c % 4,
    };
    expect(fleet, asking.unary(directConnection, { ...request, ...rest }, {}));
  },
};

const createStream: StepKind<Fleet> = {
  weight: 4,
  act: (fleet, [a, b, c]) => {
    const one = joined(fleet, a);
    const sinks = [peerOf(fleet, b), peerOf(fleet, c)].slice(0, 1 + (c % 2)).flatMap((sid) => sid ?? []);
    if (one === undefined) return;
    const settings = { name: fleet.mark(), timeoutMs: nth(TIMEOUTS_MS, b)! };
    const created = one.instance.createStream(sinks, settings);
    expect(
      fleet,
      created.then(({ stream }) => void one.host.streams.push(stream.id)),
    );
  },
};

const updateStream: StepKind<Fleet> = {
  weight: 2,
  act: (fleet, [a, b]) => {
    const id = streamOf(fleet, b);
    if (id !== undefined) expect(fleet, joined(fleet, a)?.instance.updateStreamParams(id, { name: fleet.mark() }));
  },
};

const terminateStream: StepKind<Fleet> = {
  weight: 1,
  act: (fleet, [a, b]) => {
    const id = streamOf(fleet, b);
    if (id !== undefined) expect(fleet, joined(fleet, a)?.instance.terminateStream(id));
  },
};

const stopStream: StepKind<Fleet> = {
  weight: 2,
  act: (fleet, [a, b, c]) => {
    const id = streamOf(fleet, b);
    if (id === undefined) return;
    const who = c % 3 === 0 ? fleet.admin.client : joined(fleet, a)?.instance;
    expect(fleet, who?.stopStream(id, { validateOnly: c % 5 === 0 }));
  },
};

const terminateSession: StepKind<Fleet> = {
  weight: 2,
  act: (fleet, [a]) => {
    const sid = peerOf(fleet, a);
    if (sid !== undefined) expect(fleet, fleet.admin.client.terminateSession(sid, fleet.mark()));
  },
};

/** What only reads: pages, paths, single things. */
const read: StepKind<Fleet> = {
  weight: 2,
  act: (fleet, [a, b, c]) => {
    const client = joined(fleet, a)?.instance ?? fleet.admin.client;
    const [from, to] = [peerOf(fleet, b), peerOf(fleet, c)];
    if (from === undefined || to === undefined) return;
    expect(fleet, client.getNode(from));
    expect(fleet, client.findPath(from, to));
    expect(fleet, collect(fleet, fleet.admin.client.listSessions({}, { pageSize: 1 + (c % 5) })));
    expect(fleet, collect(fleet, fleet.admin.client.listStreams({}, { pageSize: 1 + (b % 5) })));
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
} satisfies Record<string, StepKind<Fleet>>;

/** A call may be refused or fail; it may not end in anything but a SwitchyardError, or the end of who called. */
function expect({ verdict }: Fleet, call: Promise<unknown> | undefined): void {
  call?.catch((error: SwitchyardError) => {
    if (error.name !== 'SwitchyardError') verdict.fail('Sound', `a call threw ${error.stack ?? error}`);
  });
}

/** Reads all pages of a list: ascending, none twice. */
async function collect(
  { verdict }: Fleet,
  pages: AsyncIterable<{ readonly cvid?: number; readonly id?: number }>,
): Promise<void> {
  let before = 0;
  const seen = new Set<number>();
  for await (const { cvid, id } of pages) {
    before = cvid ?? id ?? 0;
    if (seen.has(before)) verdict.fail('Sound', `a list has ${before} twice`);
    seen.add(before);
  }
}
