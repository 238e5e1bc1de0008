import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  NetworkServiceService as Graph,
  type WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../../gen/switchyard/v1/position.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import type { SeededRandom } from '../machine/random.js';
import { type Apart, type Tenancy, tagOf } from './apart.js';
import type { NetworksCaller } from './caller.js';
import { ADMIN_TOKEN } from './server.js';

/** The network that is dropped and created again now and then, and those that stay. */
const PASSING = 'south';
const NETWORKS = ['default', 'north', PASSING];
const ADMIN = { admin: ADMIN_TOKEN } as const;
/** The same few in every network, so that what is found by UUID can be found in the wrong one. */
const INSTANCES = 6;
/** Watches and attachments that are open at once. */
const OPEN_MAX = 24;
/** Sessions, positions and page tokens that are remembered, so that they are tried where they do not belong. */
const REMEMBERED_MAX = 64;
/** Ports tell who asked for a connection; by the time that one comes round again its order is over. */
const [PORT_MIN, PORTS] = [1_024, 60_000];
/** Those of them that likely live. */
const NEWEST = 9;
const PAGE = 2;
const NO_PARAMS = { timeout: undefined, maxBlockBytes: 0, compression: 0, deliveryConfirmation: false, labels: {} };
const NO_CANDIDATES = {
  ...{ type: 1, candidates: [], publicKey: Buffer.alloc(0), roundTrip: undefined, relayVersion: 0 },
  ...{ connectionId: '', requestId: '', fallback: 0 },
};

/** A session that was opened. */
interface Seat extends Tenancy {
  readonly cvid: number;
  readonly token: string;
}

/** What callers need of their world. */
export interface NetworksCallersDeps {
  readonly random: SeededRandom;
  readonly apart: Apart;
  /** The way to the server; undefined while it is down. */
  readonly caller: () => NetworksCaller | undefined;
  readonly note: (line: string) => void;
}

/** Callers of several networks, who try everything everywhere, with what they were told anywhere. */
export class NetworksCallers {
  readonly #deps: NetworksCallersDeps;
  readonly #generations = new Map(NETWORKS.map((name) => [name, 0]));
  readonly #seats: Seat[] = [];
  readonly #positions: Position[] = [];
  readonly #pageTokens: string[] = [];
  readonly #open: (() => void)[] = [];
  /** Who asked for a connection by which port. */
  readonly #askers = new Map<number, Tenancy>();
  #ports = 0;
  #names = 0;

  constructor(deps: NetworksCallersDeps) {
    this.#deps = deps;
  }

  /** The server answers: it gets the networks that it does not have. */
  begin(): void {
    for (const name of NETWORKS) if (this.#generations.get(name) === 0) this.#create(name);
  }

  /** The server is gone, and with it all that was open. */
  died(): void {
    this.#open.length = 0;
  }

  /** Does one thing. */
  act(): void {
    this.#deps.random.pick(this.#actions)();
  }

  #create(name: string): void {
    if (name === 'default') {
      this.#generations.set(name, 1);
      return;
    }
    this.#deps.caller()?.call(Identities.createNetwork, { name, sessionsMax: 0 }, ADMIN, {
      told: () => {
        this.#generations.set(name, (this.#generations.get(name) ?? 0) + 1);
        this.#deps.note(`created ${name}`);
      },
    });
  }

  /** What callers do; what is done oftener stands here oftener. */
  readonly #actions: readonly (() => void)[] = [
    () => this.#openSession(),
    () => this.#attach(),
    () => this.#attach(),
    () => this.#watch(),
    () => this.#watchClosed(),
    () => this.#listSessions(),
    () => this.#listStreams(),
    () => this.#createStream(),
    () => this.#connect(),
    () => this.#connect(),
    () => this.#callElsewhere(),
    () => this.#readOwn(),
    () => this.#terminate(),
    () => this.#dropSometimes(),
    () => this.#open.shift()?.(),
  ];

  #openSession(): void {
    const where = this.#anywhere();
    const number = this.#deps.random.below(INSTANCES);
    const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    const name = `${tagOf(where)}${++this.#names}`;
    const request = { instanceUuid: uuid, instanceType: 2, instanceFlavor: 0, ttl: undefined, name, labels: {} };
    this.#deps.caller()?.call(
      Sessions.session,
      request,
      { network: where.network },
      {
        told: ({ instanceSid, sessionToken, position }) => {
          if (position !== undefined) this.#hearPosition(position, where);
          if (!this.#stands(where)) return;
          this.#deps.note(`opened ${name} ${instanceSid}`);
          remember(this.#seats, { ...where, cvid: instanceSid, token: sessionToken });
        },
      },
    );
  }

  #attach(): void {
    const seat = this.#anySeat();
    if (seat === undefined || this.#open.length >= OPEN_MAX) return;
    const cancel = this.#deps.caller()?.call(
      Sessions.attach,
      { proof: undefined },
      { token: seat.token },
      {
        told: ({ order }) => this.#hearOrder(order, seat),
      },
    );
    if (cancel !== undefined) this.#open.push(cancel);
  }

  #hearOrder(order: Order | undefined, seat: Seat): void {
    if (order?.kind?.$case === 'connection') {
      const asker = this.#askers.get(order.kind.value.port);
      if (asker !== undefined) this.#deps.apart.names('order', tagOf(asker), seat);
    } else if (order?.kind?.$case === 'terminateSession')
      this.#deps.apart.names('reason', order.kind.value.reason, seat);
  }

  /** From the beginning, or from where a watch of any network stood. */
  #watch(): void {
    if (this.#open.length >= OPEN_MAX) return;
    const where = this.#anywhere();
    const after = this.#deps.random.chance(1 / 2) ? this.#deps.random.pick([undefined, ...this.#positions]) : undefined;
    let isFirst = true;
    const told = ({ kind, position, deltas }: WatchNetworkDeltaResponse) => {
      if (isFirst && after !== undefined && kind !== WatchKind.RESET) {
        this.#deps.apart.resumed(position?.epoch ?? after.epoch, after.epoch);
      }
      isFirst = false;
      for (const { nodeAdded } of deltas) {
        for (const { name } of nodeAdded)
          if (name !== '') this.#deps.apart.names('node', name, where, this.#latest(where));
      }
      if (position !== undefined) this.#hearPosition(position, where);
    };
    const request = { after, coalesce: this.#deps.random.chance(1 / 2), cvids: [] };
    const cancel = this.#deps.caller()?.call(Graph.watchNetworkDelta, request, { network: where.network }, { told });
    if (cancel !== undefined) this.#open.push(cancel);
  }

  #watchClosed(): void {
    if (this.#open.length >= OPEN_MAX) return;
    const where = this.#anywhere();
    const cancel = this.#deps.caller()?.call(
      Graph.watchEndpointClosed,
      { cvids: [], after: undefined },
      { network: where.network },
      {
        told: ({ endpointClosed }) => {
          if (endpointClosed !== undefined)
            this.#deps.apart.names('end', endpointClosed.name, where, this.#latest(where));
        },
      },
    );
    if (cancel !== undefined) this.#open.push(cancel);
  }

  #listSessions(): void {
    const where = this.#anywhere();
    const request = { ...this.#page(), instanceType: 0, instanceUuid: '' };
    this.#deps.caller()?.call(
      Sessions.listSessions,
      request,
      { network: where.network },
      {
        told: ({ sessions, nextPageToken }) => {
          for (const { name } of sessions) this.#deps.apart.names('session', name, where, this.#latest(where));
          if (nextPageToken !== '') remember(this.#pageTokens, nextPageToken);
        },
      },
    );
  }

  #listStreams(): void {
    const where = this.#anywhere();
    this.#deps.caller()?.call(
      Streams.listStreams,
      { ...this.#page(), cvid: 0 },
      { ...ADMIN, network: where.network },
      {
        told: ({ streams, nextPageToken }) => {
          for (const { params } of streams) {
            if (params?.name) this.#deps.apart.names('stream', params.name, where, this.#latest(where));
          }
          if (nextPageToken !== '') remember(this.#pageTokens, nextPageToken);
        },
      },
    );
  }

  /** To a session of any network: it is the one of that number in its own. */
  #createStream(): void {
    const [seat, sink] = [this.#anySeat(), this.#anySeat()];
    if (seat === undefined || sink === undefined) return;
    const params = { ...NO_PARAMS, name: `${tagOf(seat)}${++this.#names}` };
    const request = { params, sinkCvids: [sink.cvid], requestId: '' };
    this.#deps.caller()?.call(
      Streams.createStream,
      request,
      { token: seat.token },
      {
        told: ({ stream }) => {
          if (stream?.params !== undefined) this.#deps.apart.names('stream', stream.params.name, seat);
        },
      },
    );
  }

  #connect(): void {
    const [seat, peer] = [this.#anySeat(), this.#anySeat()];
    if (seat === undefined || peer === undefined) return;
    const port = PORT_MIN + (this.#ports++ % PORTS);
    this.#askers.set(port, seat);
    const request = { ...NO_CANDIDATES, cvid: peer.cvid, port };
    this.#deps.caller()?.call(Graph.directConnection, request, { token: seat.token }, { told: () => {} });
  }

  /** Brings a token to a network that it is not of. */
  #callElsewhere(): void {
    const seat = this.#anySeat();
    if (seat === undefined) return;
    const network = this.#deps.random.pick(NETWORKS.filter((name) => name !== seat.network));
    this.#deps.caller()?.call(
      Sessions.getSession,
      { cvid: seat.cvid },
      { token: seat.token, network },
      {
        told: () => this.#deps.apart.token(`of ${tagOf(seat)} in ${network}`),
        ended: (reason) => {
          if (reason !== '') this.#deps.apart.refused();
        },
      },
    );
  }

  /** Reads a session by its own token, which says what network it is of. */
  #readOwn(): void {
    const seat = this.#anySeat();
    if (seat === undefined) return;
    const stands = this.#stands(seat);
    this.#deps.caller()?.call(
      Sessions.keepAlive,
      {},
      { token: seat.token },
      {
        told: ({ position }) => {
          if (!stands) this.#deps.apart.token(`of ${tagOf(seat)}, which was dropped before`);
          if (position !== undefined) this.#hearPosition(position, seat);
        },
      },
    );
  }

  #terminate(): void {
    const [where, seat] = [this.#anywhere(), this.#anySeat()];
    if (seat === undefined) return;
    const request = { cvid: seat.cvid, reason: tagOf(where) };
    this.#deps
      .caller()
      ?.call(Sessions.terminateSession, request, { ...ADMIN, network: where.network }, { told: () => {} });
  }

  #dropSometimes(): void {
    if (!this.#deps.random.chance(1 / 8)) return;
    this.#deps.caller()?.call(Identities.dropNetwork, { name: PASSING }, ADMIN, {
      told: () => {
        this.#deps.note(`dropped ${PASSING}`);
        // Whatever begins from now on is about another one of this name.
        this.#generations.set(PASSING, (this.#generations.get(PASSING) ?? 0) + 1);
        this.#deps
          .caller()
          ?.call(Identities.createNetwork, { name: PASSING, sessionsMax: 0 }, ADMIN, { told: () => {} });
      },
    });
  }

  #hearPosition(position: Position, where: Tenancy): void {
    this.#deps.apart.epoch(position.epoch, where);
    remember(this.#positions, position);
    this.#deps.note(`position ${where.network} ${position.revision}`);
  }

  #anywhere(): Tenancy {
    const network = this.#deps.random.pick(NETWORKS);
    return { network, generation: this.#latest({ network }) };
  }

  #anySeat(): Seat | undefined {
    const few = this.#deps.random.chance(3 / 4) ? this.#seats.slice(-NEWEST) : this.#seats;
    return few.length === 0 ? undefined : this.#deps.random.pick(few);
  }

  #page(): { readonly pageSize: number; readonly pageToken: string } {
    return { pageSize: PAGE, pageToken: this.#deps.random.pick(['', '', ...this.#pageTokens]) };
  }

  #latest({ network }: Pick<Tenancy, 'network'>): number {
    return this.#generations.get(network) ?? 0;
  }

  /** Whether it is the network that has the name now. */
  #stands(where: Tenancy): boolean {
    return this.#latest(where) === where.generation;
  }
}

function remember<Item>(items: Item[], item: Item): void {
  items.push(item);
  if (items.length > REMEMBERED_MAX) items.shift();
}
