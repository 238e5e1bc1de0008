import type { Logger } from 'pino';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { TransportServiceService } from '../../../gen/switchyard/v1/transport_service.js';
import { AuditLog, type AuditStore } from '../../../src/audit/audit-log.js';
import type { Clock } from '../../../src/base/clock.js';
import { Acceptances } from '../../../src/brokering/acceptances.js';
import { Asking } from '../../../src/brokering/asking.js';
import { draining } from '../../../src/core/model/draining.js';
import type { Limits } from '../../../src/core/model/limits.js';
import { RULES_MAX } from '../../../src/core/model/rules.js';
import type { State } from '../../../src/core/store/state.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import type { FeedLimits } from '../../../src/feed/limits.js';
import type { Backing } from '../../../src/grpc/backing.js';
import { Calls } from '../../../src/grpc/call-handlers.js';
import { closedTopic } from '../../../src/grpc/encode/closed-topic.js';
import { networkTopic } from '../../../src/grpc/encode/network-topic.js';
import { streamsTopic } from '../../../src/grpc/encode/streams-topic.js';
import { type AnswerFate, CALL_METADATA } from '../../../src/grpc/http2/answer-fates.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { identityService } from '../../../src/grpc/services/identity-service.js';
import { networkDefinition, networkService } from '../../../src/grpc/services/network-service.js';
import { sessionDefinition, sessionService } from '../../../src/grpc/services/session-service.js';
import { streamDefinition, streamService } from '../../../src/grpc/services/stream-service.js';
import { transportService } from '../../../src/grpc/services/transport-service.js';
import { NEW_FOLDER_FORMAT } from '../../../src/journal/format/frame.js';
import type { Journal } from '../../../src/journal/journal.js';
import type { EtcdStore } from '../../../src/log/etcd/store.js';
import { DEFAULT_RELAY_LIMITS } from '../../../src/relay/limits.js';
import { Relay } from '../../../src/relay/relay.js';
import { AccessTokens } from '../../../src/replica/access/access-tokens.js';
import { CertificateLogins } from '../../../src/replica/access/certificate-logins.js';
import { EnrolmentDesk } from '../../../src/replica/access/enrolment.js';
import { Gatekeeper } from '../../../src/replica/access/gatekeeper.js';
import { KeyProver, type KeyProverDeps } from '../../../src/replica/access/key-prover.js';
import { MonthUse } from '../../../src/replica/access/month-use.js';
import type { ReplicaLimits } from '../../../src/replica/limits.js';
import { Opening } from '../../../src/replica/opening.js';
import type { Publisher } from '../../../src/replica/publisher.js';
import { recover } from '../../../src/replica/recover.js';
import { Replica } from '../../../src/replica/replica.js';
import { AuditAnchorer } from '../../../src/server/audit-anchorer.js';
import { makeIssuers } from '../../../src/server/issuers.js';
import type { ShareLimits } from '../../../src/shares/limits.js';
import { Shares } from '../../../src/shares/shares.js';
import type { SystemDoor } from '../../../src/system/door.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { Transports } from '../../../src/transport/transports.js';
import { DEFAULT_TRUST_LIMITS } from '../../../src/trust/server/limits.js';
import { Proofs } from '../../../src/trust/server/proofs.js';
import { verifyAtOnce } from '../../../src/trust/server/signatures.js';
import type { AuditDisk } from './audit-disk.js';
import type { Asked, Callee, Caller, Listener } from './connection.js';
import { DuplexCall } from './duplex-call.js';
import { type FeedTopics, makeFeeds } from './feeds.js';
import type { Process } from './process.js';
import type { SeededRandom } from './random.js';
import { type Ear, ServerCall } from './server-call.js';
import { makeSystemDoor, type SystemDoorDeps } from './system-door.js';

/** The administrator's token of every run. */
export const ADMIN_TOKEN = 'simulated';
/** How long those who speak system events have to take what they are told when the server goes down. */
const SYSTEM_CLOSE_MS = 5_000;
const SERVER_UUID = '00000000-0000-4000-8000-0000000000ff';

/** The bounds that a run is given, so low that they are met. */
export interface ServerLimits {
  readonly core: Limits;
  readonly feed: FeedLimits;
  readonly replica: ReplicaLimits;
  readonly shares: ShareLimits;
}

/** The parts of a server process as they are made, before anything runs: what a mutation may tamper with. */
export interface Parts {
  readonly state: State;
  /** The core's limits by the flags of this process. */
  readonly core: Limits;
  readonly topics: FeedTopics;
}

/** What a simulated server needs of its world. */
export interface SimulatedServerDeps {
  readonly process: Process;
  readonly journal: Journal;
  readonly random: SeededRandom;
  readonly limits: ServerLimits;
  /** Breaks something, for the proof that breaking it is noticed. */
  readonly tamper: Tampering;
  readonly onCall: (call: ServerCall) => Ear;
  readonly problem: (check: string, text: string) => void;
  readonly fatal: (error: unknown) => void;
  /** Where it keeps an audit log; absent: it keeps none. */
  readonly auditDisk?: AuditDisk | undefined;
}

/** What a mutation does to each server process. Absent methods leave it as it is. */
export interface Tampering {
  /** Each connection of a process to etcd, where the journal is in one. */
  etcd?(store: EtcdStore): EtcdStore;
  /** Nothing has been read from it yet. */
  journal?(journal: Journal): Journal;
  /** The files of the audit log, opened. */
  audit?(store: AuditStore, clock: Clock): AuditStore;
  /** Recovered, and nothing is made of it yet. */
  parts?(parts: Parts): void;
  /** Everything is made, and nobody is let in yet. */
  server?(server: SimulatedServer): void;
}

interface Route {
  readonly definition: {
    readonly requestDeserialize: (bytes: Buffer) => unknown;
    readonly responseSerialize: (message: never) => Buffer;
    readonly requestStream: boolean;
  };
  readonly handler: (call: unknown, callback?: unknown) => void;
  readonly isStream: boolean;
}

/**
 * The server as `src/server/server.ts` puts it together, with a simulated journal beneath it and simulated calls above: the same
 * recovery, feeds, replica and services.
 */
export class SimulatedServer implements Listener {
  readonly routes = new Map<string, Route>();
  /** Calls that run, by the names that they were given. */
  private readonly running = new Map<string, ServerCall>();
  private readonly fates = { find: (name: string): AnswerFate => this.running.get(name)! };
  private callCount = 0;
  readonly calls: Calls;
  readonly proofs: Proofs;
  /** The door of system events, which Exchange leads to. */
  readonly system: SystemDoor;

  private constructor(
    private readonly deps: SimulatedServerDeps,
    readonly relay: Relay,
    private readonly acceptances: Acceptances,
    readonly replica: Replica,
    /** The replica's, which mutations may write to. */
    readonly state: State,
    readonly feeds: Backing['feeds'],
    readonly shares: Shares,
    readonly systemFeeds: SystemDoorDeps['feeds'],
    audit: AuditLog | undefined,
  ) {
    const { process, random, limits, problem } = deps;
    const { clock } = process;
    const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
    const proofs = new Proofs({
      ...{ clock, limits: DEFAULT_TRUST_LIMITS },
      // Of its own, and another with each start, so that plans of before there were keys are the runs that they were.
      random: random.fork(1_000 + state.revision),
      serverUuid: () => state.serverUuid,
      leaves: () => [],
      // Nothing here may depend on threads.
      verify: verifyAtOnce,
    });
    this.proofs = proofs;
    const charge: KeyProverDeps['charge'] = (origin, ms) => turns.charge(turns.keyOf(origin), ms);
    const gatekeeper = new Gatekeeper({
      ...{ state, clock, floor: 'open', bindsSessions: true },
      tokens: new AccessTokens({ clock, random }),
      month: new MonthUse({
        clock,
        store: undefined,
        drawKey: () => [random.word(), random.word()],
        warn: () => {},
        info: () => {},
      }).of(0),
    });
    const prover = new KeyProver({ state, proofs, clock, charge, gatekeeper });
    const both = {
      ...{ replica, gatekeeper, shares, turns, relay, clock, random, audit },
      opening: new Opening(replica, clock, random, limits.replica, shares, prover, gatekeeper),
      log: logger(problem),
      asking: new Asking({
        ...{ replica, gatekeeper, shares, acceptances, clock, random },
        isObserved: () => true,
        orderDeadlineMs: limits.replica.orderDeadlineMs,
      }),
      enrolment: new EnrolmentDesk({ replica, prover, clock }),
      certificates: new CertificateLogins({ replica, gatekeeper, clock }),
    };
    this.system = makeSystemDoor({ ...both, feeds: systemFeeds });
    this.calls = new Calls(
      {
        ...both,
        // No policy here names an issuer.
        issuers: makeIssuers({
          network: gatekeeper.network.name,
          replica,
          clock,
          charge,
          fetchJson: () => Promise.reject(new Error('no network')),
          log: both.log,
        }),
        offersReflection: () => false,
        feeds,
        limits: DEFAULT_DOOR_LIMITS,
        adminToken: ADMIN_TOKEN,
        orderDeadlineMs: limits.replica.orderDeadlineMs,
        rendezvous: [],
        reach: { isEncrypted: false, pins: () => [], toldPins: () => [], addresses: () => [] },
        about: {
          version: '',
          commit: '',
          startedMs: 0,
          capabilities: [],
          addresses: () => ({}),
          limits: () => [],
          standing: () => ({
            ...{ isLeader: true, term: 1n, lagMs: 0, isReady: true },
            ...{ journalBytes: 0, snapshotAtMs: undefined },
          }),
          name: '',
          servers: async () => ({ servers: [], format: NEW_FOLDER_FORMAT, rules: RULES_MAX }),
        },
        transports: new Transports(),
        exchange: {
          accept: (pipe) => this.system.accept(pipe),
          packetBytesMax: DEFAULT_SYSTEM_LIMITS.packetBytesMax,
        },
      },
      {
        vouch: () => {},
        has: () => true,
        isShared: () => false,
        find: () => undefined,
        holdings: { watches: undefined as never },
        fates: this.fates,
      },
    );
    this.add(sessionDefinition, sessionService(this.calls));
    this.add(networkDefinition, networkService(this.calls));
    this.add(streamDefinition, streamService(this.calls));
    this.add(IdentityServiceService, identityService(this.calls));
    this.add(TransportServiceService, transportService(this.calls));
  }

  /** Recovers from the journal, and resolves when calls can be taken in. */
  static async start(deps: SimulatedServerDeps): Promise<SimulatedServer> {
    const { process, random, limits, problem, fatal, tamper } = deps;
    const { clock } = process;
    const journal = tamper.journal?.(deps.journal) ?? deps.journal;
    const recovery = await recover(journal);
    const { state } = recovery;
    const topics = { network: networkTopic(state), closed: closedTopic, streams: streamsTopic };
    tamper.parts?.({ state, core: limits.core, topics });
    const { feeds, systemFeeds, all } = makeFeeds({ state, topics, limits: limits.feed, clock });
    await recovery.replay((position, changes) => {
      for (const feed of all) feed.publish(position, changes);
    });
    const warn = () => {};
    const relay: Relay = new Relay(
      { state, used: (id) => replica.deadlines.used(id), submit: (command) => replica.enforce(command) },
      clock,
      DEFAULT_RELAY_LIMITS,
      random,
    );
    const shares = new Shares({
      state,
      limits: limits.shares,
      key: [random.fork(1).word(), random.fork(2).word()],
      isExempt: () => false,
    });
    const acceptances = new Acceptances(state);
    const replica = new Replica({
      ...{ state, clock, random, warn, fatal },
      journal,
      limits: limits.replica,
    });
    const { leases, deadlines, attachments } = replica;
    // The door's, which is made later.
    const place: Publisher & { door?: Publisher } = { publish: (...told) => place.door?.publish(...told) };
    replica.publishTo(leases, deadlines, attachments, shares, relay, ...all, acceptances, place);
    await replica.found(SERVER_UUID);
    await replica.agreeOn(limits.core);
    const audit = openAudit(deps);
    const server = new SimulatedServer(
      { ...deps, problem },
      relay,
      acceptances,
      replica,
      state,
      feeds,
      shares,
      systemFeeds,
      audit,
    );
    place.door = server.system;
    replica.opened();
    tamper.server?.(server);
    if (audit !== undefined) beginAudit(audit, server, clock);
    return server;
  }

  accept(asked: Asked, caller: Caller): Callee {
    const { process, onCall } = this.deps;
    const route = this.routes.get(asked.path);
    if (route === undefined) throw new Error(`nothing answers at ${asked.path}`);
    const { definition, handler, isStream } = route;
    let ear: Ear | undefined;
    const heard: Ear = { wrote: (message, bytes) => ear?.wrote(message, bytes), ended: (said) => ear?.ended(said) };
    const serialize = (message: unknown) => definition.responseSerialize(message as never);
    const deserialize = (bytes: Buffer) => definition.requestDeserialize(bytes);
    const call = definition.requestStream
      ? new DuplexCall(asked, { deserialize, serialize }, caller, process, heard)
      : new ServerCall(asked, deserialize(Buffer.from(asked.request)), serialize, caller, process, heard);
    const name = String(++this.callCount);
    call.metadata.set(CALL_METADATA, name);
    this.running.set(name, call);
    call.once('cancelled', () => this.running.delete(name));
    process.perform(() => {
      ear = onCall(call);
      if (isStream) handler(call);
      else handler(call, call.answer);
    });
    return call;
  }

  left(peer: string): void {
    this.deps.process.perform(() => this.shares.disconnected(peer));
  }

  /** The first half of the way down of `src/server/server.ts`: refuse new calls, tell and end every watch and attachment. */
  drain(): void {
    this.calls.drain();
    const livesMs = this.replica.leases.livesMs();
    for (const feed of [...Object.values(this.feeds), ...Object.values(this.systemFeeds)]) feed.drain(livesMs);
    this.relay.close(draining(0, livesMs));
    this.acceptances.drain(draining(0, livesMs));
    this.replica.attachments.drain();
    void this.system.close(SYSTEM_CLOSE_MS);
  }

  private add(definition: object, service: object): void {
    const handlers = service as Record<string, Route['handler']>;
    const methods = Object.entries(definition) as [string, Route['definition'] & MethodShape][];
    for (const [name, method] of methods) {
      const route = { definition: method, handler: handlers[name], isStream: method.responseStream };
      this.routes.set(method.path, route);
    }
  }
}

function openAudit({ auditDisk, tamper, process: { clock } }: SimulatedServerDeps): AuditLog | undefined {
  if (auditDisk === undefined) return undefined;
  const store = auditDisk.open();
  return new AuditLog({ store: tamper.audit?.(store, clock) ?? store, clock, warn: () => {} });
}

/** As `src/server/server.ts` does it. */
function beginAudit(audit: AuditLog, { replica }: SimulatedServer, clock: Clock): void {
  const log = { error: () => {}, warn: () => {} };
  new AuditAnchorer({ audit, replica, server: replica.state.serverUuid, clock, log }).begin();
  audit.done({ who: 'server', from: '', what: 'Start', on: 'mode open' });
}

interface MethodShape {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** A log that only remembers what should not be in it. */
function logger(problem: SimulatedServerDeps['problem']): Logger {
  const error = (what: { err?: unknown }, text: string) => {
    problem('Sound', `${text}: ${what.err instanceof Error ? what.err.stack : String(what.err)}`);
  };
  const silent = () => {};
  const isLevelEnabled = () => false;
  return { error, fatal: error, warn: silent, info: silent, debug: silent, isLevelEnabled } as unknown as Logger;
}
