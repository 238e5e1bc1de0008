import type { Logger } from 'pino';
import type { AuditLog } from '../audit/audit-log.js';
import type { Clock, Random } from '../base/clock.js';
import { Acceptances } from '../brokering/acceptances.js';
import type { Member } from '../cluster/member.js';
import { leastMode } from '../config/exposure.js';
import type { Config } from '../config/options.js';
import { replicaLimits, shareLimits } from '../config/part-limits.js';
import { draining } from '../core/model/draining.js';
import type { Fault } from '../core/model/fault.js';
import { INITIAL_LIMITS } from '../core/model/limits.js';
import { DEFAULT_NETWORK_REF, type NetworkRef } from '../core/model/network.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { NEW_FOLDER_FORMAT } from '../journal/format/frame.js';
import { type Journal, JournalError } from '../journal/journal.js';
import { type Replayable, replayWhole } from '../journal/replaying.js';
import { DEFAULT_RELAY_LIMITS } from '../relay/limits.js';
import { Relay } from '../relay/relay.js';
import { AccessTokens } from '../replica/access/access-tokens.js';
import { CertificateLogins } from '../replica/access/certificate-logins.js';
import { EnrolmentDesk } from '../replica/access/enrolment.js';
import { Gatekeeper } from '../replica/access/gatekeeper.js';
import { GrantEnforcer } from '../replica/access/grant-enforcer.js';
import type { IssuerLogins } from '../replica/access/issuer-logins.js';
import { KeyProver, type KeyProverDeps } from '../replica/access/key-prover.js';
import { relayQuota } from '../replica/access/role-limit.js';
import { Balancer } from '../replica/moving-out.js';
import { becomeOnlyServer } from '../replica/only-server.js';
import { Opening } from '../replica/opening.js';
import type { Publisher } from '../replica/publisher.js';
import { recover } from '../replica/recover.js';
import { Replica } from '../replica/replica.js';
import { SessionEvents } from '../replica/session-events.js';
import { Shares } from '../shares/shares.js';
import type { FetchJson } from '../trust/oidc/issuer-keys.js';
import { checkMode } from './auth-mode.js';
import { drawEpoch, drawKey, drawUuid } from './draws.js';
import { type Feeds, makeFeeds } from './feeds.js';
import { makeIssuers } from './issuers.js';
import type { EventReports } from './metrics/event-reports.js';
import type { Metrics } from './metrics/metrics.js';
import { joinRelays, neighboursOf, type PeerBranches } from './neighbours.js';
import type { SharedParts } from './shared-parts.js';

/** Where the commands stand: in a journal of this server alone, or in a log that it has in common with others. */
export type Storage =
  | { readonly journal: Journal; readonly cluster?: undefined }
  | { readonly journal?: undefined; readonly cluster: Cluster };

/** What a server has of a log that it has in common with others. */
export interface Cluster {
  /** What stands in it, to recover from. */
  readonly view: Replayable;
  readonly member: Member;
  /** Branches of streams between servers. */
  readonly branches: PeerBranches;
  /**
   * Joins the others. Resolves when everything in the log is applied. `establish` stores what a new network begins with and what this
   * server's options say; it is called when this server begins to lead.
   */
  join(replica: Replica, establish: () => Promise<void>): Promise<void>;
}

/** What an engine is made of. */
export interface EngineParts {
  /** Which network it is of; absent: the default one. */
  readonly network?: NetworkRef;
  /** What it has in common with the engines of the server's other networks. */
  readonly shared: SharedParts;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly storage: Storage;
  /** Bytes of one append, where the journal takes less than the replica would send. */
  readonly appendBytesMax?: number | undefined;
  readonly metrics: Metrics | undefined;
  /** Fetches the keys of issuers. */
  readonly fetchJson: FetchJson;
  /** Told who comes and goes. */
  readonly events: EventReports;
  /** Told what `required` would refuse. */
  readonly audit?: Pick<AuditLog, 'refused'> | undefined;
  /** Whether an address has no share of its own. */
  readonly isExempt: (address: string) => boolean;
  /** Told when the disk has no space left for the journal, and when it has again. */
  readonly writable: (isWritable: boolean) => void;
  /** Called when an invariant is broken or the journal can be written no more, after it was logged. */
  readonly fatal: (error: unknown) => void;
}

/** Everything behind the doors, running: the network itself, and what has to be told of its changes. */
export interface Engine {
  readonly network: NetworkRef;
  readonly replica: Replica;
  readonly opening: Opening;
  /** Who may do what. */
  readonly gatekeeper: Gatekeeper;
  readonly enrolment: EnrolmentDesk;
  /** Lets in who brings a token of an issuer. */
  readonly issuers: IssuerLogins;
  /** Lets in who has shown a client certificate. */
  readonly certificates: CertificateLogins;
  /** What each caller may take of what all share. */
  readonly shares: Shares;
  /** Whose turn it is to be worked for, at all doors. */
  readonly turns: FairTurns;
  readonly feeds: Feeds;
  /** The data of streams. */
  readonly relay: Relay;
  /** Who waits for a peer to accept. */
  readonly acceptances: Acceptances;
  /** Tells a door of every change from now on, after all others. */
  publishToDoor(door: Publisher): void;
  /** Ends every watch, attachment and relay, after what is on its way to them: for `why`, or because the server goes down. */
  drain(why?: Fault): void;
  /** Takes no more commands; resolves when those that were taken are durable. */
  close(): Promise<void>;
}

/**
 * Starts the engine. In this order, so that nothing is told before it is known: the journal is recovered into a state, the
 * feeds get their history by the same replay, and the replica takes over.
 */
export async function startEngine({
  network = DEFAULT_NETWORK_REF,
  shared,
  config,
  clock,
  random,
  log,
  storage,
  appendBytesMax = Number.POSITIVE_INFINITY,
  metrics,
  fetchJson,
  events,
  audit,
  isExempt,
  writable,
  fatal,
}: EngineParts): Promise<Engine> {
  const { limitsOfFormat1 } = config;
  const { journal, cluster } = storage;
  if (journal !== undefined && journal.format < NEW_FOLDER_FORMAT) await checkFormat1(journal, limitsOfFormat1, log);
  const recovery = await recover(journal ?? cluster.view, limitsOfFormat1, drawKey(random));
  const { state, passedOver } = recovery;
  if (passedOver !== undefined) {
    const message = 'a snapshot is damaged; the start goes on from the next one, which is whole. Look at the disk';
    log.error({ err: passedOver, from: state.revision }, message);
  }
  const sessionEvents = new SessionEvents(drawEpoch(random), {
    wallMs: () => clock.wallMs(),
    publish: (position, events, atMs) => feeds.grpc.sessions.publish(position, events, atMs),
  });
  const isAttached = (sid: number) => replica.attachments.isKnownAttached(sid);
  const feeds = makeFeeds(config, { state, clock, sessionEvents, isAttached }, shared);
  // What happens to sessions has positions of its own.
  const { sessions, ...ofNetwork } = feeds.grpc;
  const all = [...Object.values(ofNetwork), ...Object.values(feeds.system)];
  const least = leastMode(config);
  const month = shared.month.of(network.number);
  const gatekeeper = new Gatekeeper({
    network,
    state,
    floor: least,
    bindsSessions: config.sessionBinding === 'connection',
    tokens: new AccessTokens({ clock, random }),
    clock,
    month,
    observed: ({ fault, method, origin, who }) => {
      metrics?.wouldRefuse(fault.reason);
      events.wouldRefuse(fault, method, origin);
      audit?.refused({ who, from: origin.address, what: method }, fault.reason, `would be ${fault.reason}`);
    },
  });
  const enforcer = new GrantEnforcer({
    state,
    clock,
    grants: (permission, from, to) => gatekeeper.grants(permission, from, to),
    portsOf: (from, to) => gatekeeper.portsOf(from, to),
    leads: () => replica.leads,
    submit: (command) => replica.enforce(command),
  });
  enforcer.restore();
  const replayed = await recovery.replay((position, changes) => {
    for (const feed of all) feed.publish(position, changes);
    enforcer.replayed(changes);
  });
  const isNew = state.revision === 0;
  log.info({ revision: state.revision, replayed, sessions: state.sessions.count }, 'recovered');
  const shares = new Shares({
    state,
    limits: shareLimits(config),
    key: drawKey(random),
    isExempt,
    refused: metrics && ((share) => metrics.shareRefused(share)),
  });
  const acceptances = new Acceptances(state);
  const relay: Relay = new Relay(
    { state, used: (id) => replica.deadlines.used(id), submit: (command) => replica.enforce(command) },
    clock,
    DEFAULT_RELAY_LIMITS,
    random,
    shared.relayed,
    (sid) => relayQuota(state, gatekeeper, month, sid),
  );
  const wanted = replicaLimits(config);
  const limits = { ...wanted, batchBytesMax: Math.min(wanted.batchBytesMax, appendBytesMax) };
  const replica: Replica = new Replica({
    state,
    journal: journal ?? cluster.member,
    clock,
    random,
    limits,
    snapshotAtMs: recovery.snapshotAtMs,
    observed: metrics && ((command, outcome) => metrics.observed(command, outcome)),
    appended: metrics && ((tookMs, commands) => metrics.appendTook(tookMs, commands)),
    writable: (isWritable) => {
      metrics?.setWritable(isWritable);
      writable(isWritable);
    },
    warn: (message, error) => log.warn({ err: error }, message),
    fatal: (error) => {
      const isStorage = error instanceof JournalError;
      log.fatal({ err: error }, isStorage ? 'the journal can be written no more' : 'an invariant is broken');
      fatal(error);
    },
  });
  const { leases, deadlines, attachments } = replica;
  attachments.neighbours = neighboursOf(config, cluster?.member);
  if (cluster !== undefined) joinRelays(relay, replica, { ...cluster, clock });
  const balancer = new Balancer(attachments, clock);
  const door = new DoorPlace();
  // The shares before what asks of them, and the relay before the feeds: when a watcher hears that a stream has stopped, nothing
  // more of it is delivered. Feeds of sessions tell of attachments as well, and so come after these.
  replica.publishTo(
    leases,
    deadlines,
    attachments,
    ...(cluster === undefined ? [] : [cluster.member]),
    shares,
    relay,
    ...all,
    sessionEvents,
    acceptances,
    events,
    gatekeeper,
    enforcer,
    ...(metrics === undefined ? [] : [metrics.tally(state)]),
    door,
  );
  attachments.changed = (sid, isAttached) => sessionEvents.attachment(sid, isAttached);
  // Elsewhere the policy is for the network's own administrators to put, and --auth is the least.
  const check = (isFirst: boolean) => {
    if (network.number === 0) checkMode(state, config, isFirst);
  };
  const establish = async (isFirst: boolean) => {
    await replica.found(cluster?.member.serverUuid ?? (shared.serverUuid || drawUuid(random)));
    if (cluster === undefined) await becomeOnlyServer(replica);
    await replica.agreeOn(config.limits);
    check(isFirst);
    if (isFirst && (least !== 'open' || config.auth !== undefined)) await replica.putFoundingPolicy(least);
  };
  const release = () => {
    shared.sessions.remove(state);
    for (const feed of [...all, sessions]) feed.release();
    return replica.close();
  };
  if (cluster === undefined) {
    await establish(isNew).catch(async (error) => {
      relay.close(draining(0, leases.livesMs()));
      balancer.close();
      replica.attachments.drain();
      await release();
      throw error;
    });
  } else {
    await cluster.join(replica, () => establish(state.revision === 0));
    check(isNew);
  }
  enforcer.begin();
  month.keepOnly((uuid) => state.identities.get(uuid) !== undefined);
  const { turns, proofs } = shared;
  shared.serverUuid ||= state.serverUuid;
  shared.sessions.add(state);
  const charge: KeyProverDeps['charge'] = (origin, ms) => turns.charge(turns.keyOf(origin), ms);
  const prover = new KeyProver({ state, proofs, clock, charge, gatekeeper });
  return {
    network,
    replica,
    gatekeeper,
    opening: new Opening(
      replica,
      clock,
      random,
      limits,
      shares,
      prover,
      gatekeeper,
      (session, origin) => events.opened(session, origin),
      (uuid) => shared.sessions.refuse(state, uuid),
    ),
    enrolment: new EnrolmentDesk({ replica, prover, clock }),
    certificates: new CertificateLogins({ replica, gatekeeper, clock }),
    issuers: makeIssuers({ network: network.name, replica, clock, charge, fetchJson, log }),
    shares,
    turns,
    feeds,
    relay,
    acceptances,
    publishToDoor: (publisher) => {
      door.taken = publisher;
    },
    drain: (why) => {
      if (why !== undefined) replica.end(why);
      const livesMs = leases.livesMs();
      for (const feed of [...all, sessions]) feed.drain(livesMs, why);
      const over = why ?? draining(0, livesMs);
      relay.close(over);
      // That all of them end now says nothing of a session.
      replica.attachments.changed = undefined;
      balancer.close();
      replica.attachments.drain({ why, withinMs: config.drainDeadlineMs });
      acceptances.drain(over);
    },
    close: release,
  };
}

/** The place in the order of publishing of a door that is made later. Until it is there, nobody is connected to it. */
class DoorPlace implements Publisher {
  taken: Publisher | undefined;

  publish(...told: Parameters<Publisher['publish']>): void {
    this.taken?.publish(...told);
  }
}

/**
 * A journal of format 1 does not say by which limits its commands were decided: where a snapshot shows that they were not
 * those that were named, the start ends. The next append moves the journal on.
 */
async function checkFormat1(journal: Journal, limits = INITIAL_LIMITS, log: Logger): Promise<void> {
  log.warn(
    { format: journal.format },
    `the journal moves on to format ${NEW_FOLDER_FORMAT}; builds of before refuse it then`,
  );
  await replayWhole(journal, limits);
  journal.moveOn(limits);
}
