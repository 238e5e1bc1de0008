import type { Logger } from 'pino';
import type { Admission } from '../admission/admission.js';
import type { ConnectionGate } from '../admission/connection-gate.js';
import { lastQuarter } from '../admission/limits.js';
import type { AuditLog } from '../audit/audit-log.js';
import { formatAddress } from '../base/address.js';
import type { Clock, Random } from '../base/clock.js';
import { commit, version } from '../base/version.js';
import { Asking } from '../brokering/asking.js';
import type { Readiness } from '../cluster/readiness.js';
import type { Config } from '../config/options.js';
import { doorLimits, systemLimits } from '../config/part-limits.js';
import { tlsPlan } from '../config/tls-plan.js';
import { type Asset, readAssets } from '../console/assets.js';
import { ConsoleDoor } from '../console/door.js';
import type { ServerFacts, ServerStanding } from '../grpc/backing.js';
import { ACCESS_METADATA, ADMIN_METADATA, BEARER_METADATA, SESSION_METADATA } from '../grpc/caller.js';
import { GrpcDoor } from '../grpc/door.js';
import { type Meeting, openMeeting } from '../rendezvous/meeting.js';
import { SystemDoor } from '../system/door.js';
import type { Tracer } from '../tracing/tracer.js';
import type { Adapter } from '../transport/adapter.js';
import { reachableAddresses, usefulAddresses } from '../transport/reachable.js';
import { Transports } from '../transport/transports.js';
import { TICKET_ADDRESSES_MAX } from '../trust/ticket.js';
import { WebDoor } from '../web/door.js';
import { makeAdapters } from './adapters.js';
import { ensureAdminToken } from './admin-token.js';
import { certificateReader, grpcCredentials } from './certificates/asking-certificates.js';
import { askingTls, type CertificateKeeper } from './certificates/certificates.js';
import type { Engine } from './engine.js';
import { listening } from './listen-error.js';
import { consoleCalls, webCalls } from './local-ports.js';
import { announced, meetingAddress } from './meeting-address.js';
import { CUT_OFF_WORDS } from './metrics/cut-off-words.js';
import type { EventReports } from './metrics/event-reports.js';
import { limitUses } from './metrics/limit-uses.js';
import type { Metrics } from './metrics/metrics.js';
import type { NetworkServers } from './network-servers.js';
import { plainGate } from './plain-ports.js';

/** What gRPC's own message has around a packet. */
const EXCHANGE_OVERHEAD_BYTES = 16;

type Brokering = ReturnType<Doors['brokering']>;

/** What the doors need besides the engine. */
export interface DoorParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics | undefined;
  /** How the server stands with its journal. */
  readonly standing: () => ServerStanding;
  /** The servers of the network. */
  readonly servers: Pick<NetworkServers, 'name' | 'list'>;
  /** Told who is refused what. */
  readonly events: EventReports;
  /** Where it is written down who did what; undefined for a server that keeps nothing. */
  readonly audit: AuditLog | undefined;
  /** Where spans of calls go; undefined: nowhere. */
  readonly tracer: Tracer | undefined;
  /** Who may connect. */
  readonly admission: Admission;
  /** What the TLS ports show; undefined: there are none. */
  readonly certificates: CertificateKeeper | undefined;
  /** The console's page; undefined for the one that was built. */
  readonly assets: ReadonlyMap<string, Asset> | undefined;
}

/**
 * Every way into a server: gRPC, system events, the rendezvous, the console and the web door.
 *
 * They go down in two steps, with the end of all watches between them: {@link drain} lets nobody new in, and {@link close}
 * waits for those who are in.
 */
export class Doors {
  /** Where each adapter listens, by its code name. */
  readonly addresses: Record<string, string> = {};
  private readonly transports = new Transports();
  private readonly limits: ReturnType<typeof systemLimits>;
  private grpc: GrpcDoor | undefined;
  private system: SystemDoor | undefined;
  private meeting: Meeting | undefined;
  private console: ConsoleDoor | undefined;
  private web: WebDoor | undefined;
  private adapters: readonly Adapter[] = [];
  /** Where others reach gRPC, for tickets. */
  private reachedAt: readonly string[] = [];
  private readonly startedMs: number;

  constructor(
    private readonly engine: Engine,
    private readonly parts: DoorParts,
  ) {
    this.limits = systemLimits(parts.config);
    this.startedMs = parts.clock.nowMs();
  }

  /** How many connections of system events are open. */
  get connectionCount(): number {
    return this.system?.connectionCount ?? 0;
  }

  /** How many connections of gRPC clients are open. */
  get grpcConnectionCount(): number {
    return this.grpc?.connectionCount ?? 0;
  }

  /** Bytes that watches over gRPC have written and their clients have not taken. */
  get watchBytes(): number {
    return this.grpc?.watchBytes ?? 0;
  }

  /** Bytes that are held for clients, by what holds them: each kind is bounded in all. */
  heldBytes(): Record<string, number> {
    const system = Object.entries(this.system?.heldBytes() ?? {}).map(([kind, bytes]) => [`system_${kind}`, bytes]);
    return {
      ...this.grpc?.heldBytes(),
      ...this.web?.heldBytes(),
      ...Object.fromEntries(system),
      relay: this.engine.relay.byteSize,
    };
  }

  /** Opens them. When one cannot be opened, those that are open have to be closed. */
  async open(): Promise<void> {
    const { config, clock, admission, certificates } = this.parts;
    this.meeting = await listening('--rendezvous-listen', openMeeting(meetingAddress(config), clock, admission));
    const brokering = this.brokering(this.meeting);
    const gate = this.systemGate();
    this.system = this.makeSystem(brokering, gate);
    // It closes the connections of sessions that have ended, after their watches were told.
    this.engine.publishToDoor(this.system);
    const { accept } = this.system;
    await this.openGrpc(brokering, accept);
    this.addresses.stun = formatAddress(this.meeting.address);
    const mode = () => this.engine.gatekeeper.mode;
    const plain = plainGate(accept, { mode, allowPlaintext: config.allowPlaintext, reports: admission.reports });
    const certificateOf = await certificateReader(this.parts);
    this.adapters = makeAdapters(config, this.limits, { admission, gate, certificateOf }, certificates);
    for (const adapter of this.adapters) {
      await listening(`--system-${adapter.codeName}-listen`, adapter.listen(adapter.encrypted ? accept : plain));
      this.addresses[adapter.codeName] = adapter.addresses[0];
      this.transports.add(adapter);
    }
    await this.openConsole();
    await this.openWeb();
  }

  /** Says to whoever asks for the server's health that it serves no more. */
  stopServing(): void {
    this.grpc?.stopServing();
  }

  /** Says there whether commands can be stored. */
  readonly setWritable = (isWritable: boolean) => this.grpc?.setWritable(isWritable);

  /** Says there whether clients should come here. */
  setReadiness(readiness: Readiness): void {
    this.grpc?.setHealth({ isReady: readiness !== 'behind', storesSessions: readiness === 'ready' });
  }

  /** Lets nobody new in. */
  async drain(): Promise<void> {
    this.grpc?.drain();
    this.meeting?.close();
    this.console?.drain();
    this.web?.drain();
    for (const adapter of this.adapters) await adapter.close();
  }

  /** Resolves when everybody has gone, or the deadline has passed and they were cut off. */
  async close(deadlineMs: number): Promise<void> {
    const doors = [this.console, this.web, this.system, this.grpc];
    await Promise.all(doors.map((door) => door?.close(deadlineMs)));
  }

  /** How connections are asked for, the same at every door. */
  private brokering({ observed, address }: Meeting) {
    const { config, clock, random } = this.parts;
    const { replica, gatekeeper, acceptances, shares } = this.engine;
    const isObserved = (host: string) => observed.has(host);
    const { orderDeadlineMs } = config;
    const asking = new Asking({ replica, gatekeeper, shares, acceptances, clock, random, isObserved, orderDeadlineMs });
    return { asking, rendezvous: [announced(config, address)] };
  }

  /** The places of all transports of system events together. */
  private systemGate(): ConnectionGate {
    const { admission, metrics } = this.parts;
    const { connectionsMax, connectionsPerAddressMax } = this.limits;
    return admission.gate({
      door: 'system',
      places: { connectionsMax, connectionsPerAddressMax, connectionsKept: lastQuarter(connectionsMax) },
      options: { all: '--system-connections', address: '--system-connections-per-address' },
      refused: (cause) => {
        if (cause === 'full') metrics?.cutOff('connections');
        else if (cause === 'address') metrics?.cutOff('address');
      },
    });
  }

  private makeSystem(brokering: Brokering, gate: ConnectionGate): SystemDoor {
    const { clock, random, log, metrics, events, admission } = this.parts;
    const { replica, opening, gatekeeper, enrolment, certificates, shares, turns, feeds, relay } = this.engine;
    return new SystemDoor({
      replica,
      opening,
      gatekeeper,
      enrolment,
      certificates,
      shares,
      turns,
      feeds: feeds.system,
      relay,
      transports: this.transports,
      ...brokering,
      clock,
      random,
      log,
      limits: this.limits,
      gate,
      refused: (fault, event, origin) => events.refused(fault, event, origin),
      audit: this.parts.audit,
      cutOff: (cause, address) => {
        metrics?.cutOff(cause);
        const why = `connections of system events are closed: ${CUT_OFF_WORDS[cause]}`;
        admission.reports.report({ door: 'system', cause, why, address });
      },
    });
  }

  /** What GetServer tells. */
  private facts(): ServerFacts {
    const { config, servers, standing } = this.parts;
    return {
      version: version(),
      commit: commit(),
      startedMs: this.startedMs,
      capabilities: capabilitiesOf(config),
      addresses: () => this.addresses,
      limits: () => limitUses(config, this.engine, this),
      standing,
      name: servers.name,
      servers: () => servers.list(),
    };
  }

  /** Last, so that whoever reaches the page reaches everything that it shows. */
  private async openConsole(): Promise<void> {
    const { config, clock, random, admission, certificates } = this.parts;
    const { consoleListen, consoleOrigins = [] } = config;
    const adminToken = consoleListen && (await ensureAdminToken(config.data, config.adminToken, random));
    if (consoleListen === undefined || adminToken === undefined) return;
    this.console = new ConsoleDoor({
      calls: consoleCalls(this.grpc!.local, adminToken, this.engine.gatekeeper),
      assets: this.parts.assets ?? readAssets(),
      serverUuid: this.engine.replica.state.serverUuid,
      origins: consoleOrigins,
      tls: tlsPlan(config).console ? certificates?.files : undefined,
      ...{ admission, clock, random, adminToken },
    });
    certificates?.onChange((files) => this.console?.renew(files));
    const bound = await listening('--console-listen', this.console.listen(consoleListen));
    this.addresses.console = formatAddress(bound);
  }

  private async openWeb(): Promise<void> {
    const { config, clock, admission, certificates } = this.parts;
    const { webListen, webOrigins: origins = [] } = config;
    if (webListen === undefined) return;
    const calls = webCalls(this.grpc!.local, this.engine.turns);
    const metadataNames = [SESSION_METADATA, ADMIN_METADATA, ACCESS_METADATA, BEARER_METADATA];
    const tls = tlsPlan(config).web ? certificates?.files : undefined;
    this.web = new WebDoor({ calls, admission, clock, origins, metadataNames, tls });
    certificates?.onChange((files) => this.web?.renew(files));
    const bound = await listening('--web-listen', this.web.listen(webListen));
    this.addresses.web = formatAddress(bound);
  }

  private async openGrpc(brokering: Brokering, accept: SystemDoor['accept']): Promise<void> {
    const { config, clock, random, log, metrics, events, certificates } = this.parts;
    const {
      replica,
      opening,
      gatekeeper,
      enrolment,
      issuers,
      certificates: logins,
      shares,
      turns,
      feeds,
      relay,
    } = this.engine;
    const { messageBytesMax, orderDeadlineMs } = config;
    const adminToken = await ensureAdminToken(config.data, config.adminToken, random);
    const { grpc: isEncrypted } = tlsPlan(config);
    const packetBytesMax = Math.min(this.limits.packetBytesMax, messageBytesMax - EXCHANGE_OVERHEAD_BYTES);
    this.grpc = new GrpcDoor(
      {
        replica,
        opening,
        gatekeeper,
        enrolment,
        issuers,
        certificates: logins,
        shares,
        turns,
        feeds: feeds.grpc,
        transports: this.transports,
        exchange: { accept, packetBytesMax },
        relay,
        clock,
        random,
        log,
        limits: doorLimits(config),
        adminToken,
        orderDeadlineMs,
        offersReflection: gatekeeper.mode !== 'required' || config.reflection,
        ...brokering,
        refused: (fault, method, origin) => events.refused(fault, method, origin),
        audit: this.parts.audit,
        about: this.facts(),
        reach: { isEncrypted, pins: () => certificates?.pins ?? [], addresses: () => this.reachedAt },
        cutOff: metrics && ((cause) => metrics.grpcCutOff(cause)),
        callTimes: metrics?.calls,
        tracer: this.parts.tracer,
      },
      this.parts.admission,
      messageBytesMax,
    );
    const bound = await listening(
      '--listen',
      this.grpc.listen(
        config.listen,
        grpcCredentials(isEncrypted ? certificates : undefined),
        await certificateReader(this.parts),
      ),
    );
    certificates?.onChange((files) => this.grpc?.renew(askingTls(files)));
    this.addresses.grpc = formatAddress(bound);
    const addresses = reachableAddresses(bound);
    this.reachedAt = usefulAddresses(addresses).slice(0, TICKET_ADDRESSES_MAX);
    const reached = { addresses, encrypted: isEncrypted };
    this.transports.add({ codeName: 'grpc', maxBlockBytes: messageBytesMax, ...reached });
    this.transports.add({ codeName: 'exchange', maxBlockBytes: packetBytesMax, ...reached });
  }
}

/** What this server has that not every one has. */
function capabilitiesOf({ consoleListen, webListen }: Config): string[] {
  return [...(consoleListen === undefined ? [] : ['console']), ...(webListen === undefined ? [] : ['web'])];
}
