import { readFile } from 'node:fs/promises';
import { ServerCredentials } from '@grpc/grpc-js';
import { type Logger, pino } from 'pino';
import { makeAdapters } from './adapters.js';
import { ensureAdminToken } from './admin-token.js';
import type { Clock, Random } from './clock.js';
import { type Config, IN_MEMORY } from './config.js';
import { Fault } from './core/fault.js';
import { Feed } from './feed/feed.js';
import { DEFAULT_FEED_LIMITS, type FeedLimits } from './feed/limits.js';
import { closedTopic } from './grpc/closed_topic.js';
import { GrpcDoor } from './grpc/door.js';
import { networkTopic } from './grpc/network_topic.js';
import { streamsTopic } from './grpc/streams_topic.js';
import type { Journal } from './journal/journal.js';
import { LmdbJournal } from './journal/lmdb.js';
import { MemoryJournal } from './journal/memory.js';
import { DEFAULT_DOOR_LIMITS, DEFAULT_SYSTEM_LIMITS, type DoorLimits } from './limits.js';
import { Metrics } from './metrics.js';
import { type Address, formatAddress } from './option.js';
import { DEFAULT_RELAY_LIMITS } from './relay/limits.js';
import { Relay } from './relay/relay.js';
import { type Meeting, openMeeting } from './rendezvous/meeting.js';
import { Acceptances } from './replica/acceptances.js';
import { Asking } from './replica/asking.js';
import { DEFAULT_REPLICA_LIMITS, type ReplicaLimits } from './replica/limits.js';
import { Opening } from './replica/opening.js';
import { recover } from './replica/recover.js';
import { Replica } from './replica/replica.js';
import { closedTopic as systemClosedTopic } from './system/closed-topic.js';
import { deltaTopic } from './system/delta-topic.js';
import { SystemDoor } from './system/door.js';
import type { Adapter } from './transport/adapter.js';
import { reachableAddresses } from './transport/reachable.js';
import { Transports } from './transport/transports.js';

/** What a server needs from its process, handed in so that a simulation can be its process. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  /** Instead of the one that `config.data` names. It is closed with the server. */
  readonly journal?: Journal;
  /** Instead of JSON lines on standard error. */
  readonly log?: Logger;
  /** Called when an invariant is broken, after it was logged. Default: the process ends. */
  readonly fatal?: (error: unknown) => void;
}

/** A server that answers. */
export interface RunningServer {
  /** Where each adapter listens, as HOST:PORT with a real port, by its code name; `metrics` too. */
  readonly addresses: Readonly<Record<string, string>>;
  /**
   * Goes down: NOT_SERVING, a bookmark to every watch, then UNAVAILABLE with RetryInfo; calls that run have until
   * `drainDeadlineMs`. Sessions live on in the journal. Resolves when everything is closed; again and again the same.
   */
  drain(): Promise<void>;
  /** The same without waiting for anybody. */
  close(): Promise<void>;
}

/** What gRPC's own message has around a packet. */
const EXCHANGE_OVERHEAD_BYTES = 16;

/** How long a client should wait before it looks for the server again after a drain. */
const DRAIN_RETRY_MS = 1_000;

/**
 * Makes a server out of its parts and starts it: the only place where adapters are made.
 *
 * In this order, so that nothing is told before it is known: the journal is recovered into a state, the feeds get their
 * history by the same replay, the replica takes over, and only then the doors open.
 */
export async function startServer(config: Config, surroundings: Surroundings): Promise<RunningServer> {
  const { clock, random } = surroundings;
  const log = surroundings.log ?? pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }));
  const journal = surroundings.journal ?? (await openJournal(config.data));
  const metrics = config.metricsListen === undefined ? undefined : new Metrics();
  const limits = replicaLimits(config);
  let meeting: Meeting | undefined;
  let door: GrpcDoor | undefined;
  let adapters: readonly Adapter[] = [];
  try {
    const recovery = await recover(journal, config.limits);
    const { state } = recovery;
    const feeds = makeFeeds(config, state, clock);
    const systemFeeds = makeSystemFeeds(config, state, clock);
    const all = [...Object.values(feeds), ...Object.values(systemFeeds)];
    const count = await recovery.replay((position, changes) => {
      for (const feed of all) feed.publish(position, changes);
    });
    log.info({ revision: state.revision, replayed: count, sessions: state.sessions.count }, 'recovered');
    const acceptances = new Acceptances(state);
    const relay: Relay = new Relay(
      {
        state,
        used: (id) => replica.deadlines.used(id),
        submit: (command) => replica.submit(command),
      },
      clock,
      DEFAULT_RELAY_LIMITS,
    );
    const replica: Replica = new Replica({
      state,
      journal,
      // The relay first: when a watcher hears that a stream has stopped, nothing more of it is delivered. The door last:
      // it closes the connections of sessions that have ended, after their watches were told.
      feeds: [relay, ...all, acceptances, { publish: (position, changes) => system.publish(position, changes) }],
      clock,
      random,
      limits,
      observed: metrics && ((command, outcome) => metrics.observed(command, outcome)),
      appended: metrics && ((tookMs, commands) => metrics.appendTook(tookMs, commands)),
      warn: (message, error) => log.warn({ err: error }, message),
      fatal: (error) => {
        log.fatal({ err: error }, 'an invariant is broken');
        (surroundings.fatal ?? (() => process.exit(1)))(error);
      },
    });
    const opening = new Opening(replica, clock, random, limits);
    meeting = await openMeeting(meetingAddress(config), clock);
    const { observed } = meeting;
    const asking = new Asking({
      replica,
      acceptances,
      clock,
      random,
      isObserved: (host) => observed.has(host),
      orderDeadlineMs: config.orderDeadlineMs,
    });
    const rendezvous = [announced(config, meeting)];
    const transports = new Transports();
    const forSystem = systemLimits(config);
    const system: SystemDoor = new SystemDoor({
      replica,
      opening,
      feeds: systemFeeds,
      relay,
      transports,
      asking,
      rendezvous,
      clock,
      random,
      log,
      limits: forSystem,
      cutOff: metrics && ((cause) => metrics.cutOff(cause)),
    });
    await replica.found(drawUuid(random));
    const exchangeBytesMax = Math.min(forSystem.packetBytesMax, config.messageBytesMax - EXCHANGE_OVERHEAD_BYTES);
    const grpc = new GrpcDoor(
      {
        replica,
        opening,
        feeds,
        transports,
        exchange: { accept: system.accept, packetBytesMax: exchangeBytesMax },
        relay,
        clock,
        random,
        log,
        limits: doorLimits(config),
        adminToken: await ensureAdminToken(config.data, config.adminToken, random),
        orderDeadlineMs: config.orderDeadlineMs,
        asking,
        rendezvous,
      },
      config.messageBytesMax,
    );
    const addresses: Record<string, string> = {};
    addresses.stun = formatAddress(meeting.address);
    door = grpc;
    const bound = await grpc.listen(config.listen, await credentials(config));
    addresses.grpc = formatAddress(bound);
    const overGrpc = { addresses: reachableAddresses(bound), encrypted: config.tlsCert !== undefined };
    transports.add({ codeName: 'grpc', maxBlockBytes: config.messageBytesMax, ...overGrpc });
    transports.add({ codeName: 'exchange', maxBlockBytes: exchangeBytesMax, ...overGrpc });
    adapters = await makeAdapters(config, forSystem);
    for (const adapter of adapters) {
      await adapter.listen(system.accept);
      addresses[adapter.codeName] = adapter.addresses[0];
      transports.add(adapter);
    }
    if (metrics !== undefined && config.metricsListen !== undefined) {
      metrics.measure({ state, attachments: replica.attachments, feeds: all, journal, system });
      addresses.metrics = formatAddress(await metrics.listen(config.metricsListen));
    }
    log.info({ addresses }, 'listening');
    return running(addresses, config.drainDeadlineMs, async (deadlineMs) => {
      log.info('draining');
      grpc.drain();
      for (const adapter of adapters) await adapter.close();
      for (const feed of all) feed.drain();
      const draining = new Fault('DRAINING', 'the server is draining', [], DRAIN_RETRY_MS);
      relay.close(draining);
      replica.attachments.drain(draining);
      acceptances.drain(draining);
      meeting?.close();
      await system.close(deadlineMs);
      await grpc.close(deadlineMs);
      await replica.close();
      await journal.close();
      await metrics?.close();
      log.info('closed');
    });
  } catch (error) {
    // What listens already would keep the process.
    for (const adapter of adapters) await adapter.close();
    await door?.close(0);
    meeting?.close();
    await metrics?.close();
    await journal.close();
    throw error;
  }
}

/** The rendezvous has a port of its own beside gRPC's, because both take TCP. */
function meetingAddress({ rendezvousListen, listen }: Config): Address {
  if (rendezvousListen !== undefined) return rendezvousListen;
  return { host: listen.host, port: listen.port === 0 || listen.port === 65_535 ? 0 : listen.port + 1 };
}

/** A client knows by which host it reaches the server, better than the server does; only another one has to be told. */
function announced({ rendezvousListen, listen }: Config, { address }: Meeting): Address {
  const host = rendezvousListen?.host ?? listen.host;
  const isSame = host === listen.host || host === '0.0.0.0' || host === '::';
  return { host: isSame ? '' : host, port: address.port };
}

function running(
  addresses: RunningServer['addresses'],
  drainDeadlineMs: number,
  goDown: (deadlineMs: number) => Promise<void>,
): RunningServer {
  let down: Promise<void> | undefined;
  return {
    addresses,
    drain: () => (down ??= goDown(drainDeadlineMs)),
    close: () => (down ??= goDown(0)),
  };
}

function openJournal(data: string): Promise<Journal> | Journal {
  return data === IN_MEMORY ? new MemoryJournal() : LmdbJournal.open(data);
}

/** A UUID of version 4: RFC 9562, section 5.4. */
function drawUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function makeFeeds(config: Config, state: Feed['state'], clock: Clock) {
  const { historyBytesMax, historyRevisionsMax } = config;
  const limits: FeedLimits = { ...DEFAULT_FEED_LIMITS, historyBytesMax, historyRevisionsMax };
  return {
    network: new Feed(networkTopic(state), state, limits, clock),
    // Its messages hold one revision each: see the topic.
    closed: new Feed(closedTopic, state, { ...limits, messageBytesMax: 0 }, clock),
    streams: new Feed(streamsTopic, state, limits, clock),
  };
}

function makeSystemFeeds(config: Config, state: Feed['state'], clock: Clock) {
  const { historyBytesMax, historyRevisionsMax } = config;
  // A message is a write to a socket: small, so that a slow client holds little.
  const messageBytesMax = 65_536;
  const limits: FeedLimits = { ...DEFAULT_FEED_LIMITS, historyBytesMax, historyRevisionsMax, messageBytesMax };
  return {
    network: new Feed(deltaTopic(state), state, limits, clock),
    closed: new Feed(systemClosedTopic(), state, limits, clock),
  };
}

function systemLimits({ systemConnectionsMax, systemConnectionsPerAddressMax, systemPacketsPerSecondMax }: Config) {
  return {
    ...DEFAULT_SYSTEM_LIMITS,
    connectionsMax: systemConnectionsMax,
    connectionsPerAddressMax: systemConnectionsPerAddressMax,
    packetsPerSecondMax: systemPacketsPerSecondMax,
  };
}

function replicaLimits(config: Config): ReplicaLimits {
  return {
    ...DEFAULT_REPLICA_LIMITS,
    ttlDefaultMs: config.sessionTtlMs,
    ttlMinMs: config.sessionTtlMinMs,
    ttlMaxMs: config.sessionTtlMaxMs,
    graceMs: config.graceMs,
    orderDeadlineMs: config.orderDeadlineMs,
  };
}

function doorLimits(config: Config): DoorLimits {
  const { connectionsMax, callsPerConnectionMax, watchesPerConnectionMax, watchedNodesMax, metadataBytesMax } = config;
  return {
    ...DEFAULT_DOOR_LIMITS,
    connectionsMax,
    callsPerConnectionMax,
    watchesPerConnectionMax,
    watchedNodesMax,
    metadataBytesMax,
  };
}

async function credentials({ tlsCert, tlsKey, tlsClientCa }: Config): Promise<ServerCredentials> {
  if (tlsCert === undefined || tlsKey === undefined) return ServerCredentials.createInsecure();
  const [cert, key] = await Promise.all([readFile(tlsCert), readFile(tlsKey)]);
  const authority = tlsClientCa === undefined ? null : await readFile(tlsClientCa);
  return ServerCredentials.createSsl(authority, [{ cert_chain: cert, private_key: key }], authority !== null);
}
