import { createHmac } from 'node:crypto';
import type { ConnectionGate } from '../admission/connection-gate.js';
import { lastQuarter } from '../admission/limits.js';
import { formatAddress } from '../base/address.js';
import { commit, version } from '../base/version.js';
import type { Readiness } from '../cluster/readiness.js';
import type { Config } from '../config/options.js';
import { systemLimits } from '../config/part-limits.js';
import { tlsPlan } from '../config/tls-plan.js';
import { readAssets } from '../console/assets.js';
import { ConsoleDoor } from '../console/door.js';
import type { Fault } from '../core/model/fault.js';
import { namesOf } from '../core/model/network.js';
import type { ServerFacts } from '../grpc/backing.js';
import {
  ACCESS_METADATA,
  ADMIN_METADATA,
  BEARER_METADATA,
  NETWORK_METADATA,
  SESSION_METADATA,
} from '../grpc/caller.js';
import { GrpcDoor } from '../grpc/door.js';
import { type Meeting, openMeeting } from '../rendezvous/meeting.js';
import { SystemDoor } from '../system/door.js';
import { TRACEPARENT } from '../tracing/traceparent.js';
import type { Adapter } from '../transport/adapter.js';
import { reachableAddresses, usefulAddresses } from '../transport/reachable.js';
import { Transports } from '../transport/transports.js';
import { TICKET_ADDRESSES_MAX } from '../trust/ticket.js';
import { WebDoor } from '../web/door.js';
import { makeAdapters } from './adapters.js';
import { ensureAdminToken } from './admin-token.js';
import { type DoorsShared, grpcBacking, systemBacking } from './backings.js';
import { certificateReader, grpcCredentials } from './certificates/asking-certificates.js';
import { askingTls } from './certificates/certificates.js';
import type { DoorParts } from './door-parts.js';
import type { Engine } from './engine.js';
import { listening } from './listen-error.js';
import { consoleCalls, webCalls } from './local-ports.js';
import { meetingAddress } from './meeting-address.js';
import { limitUses } from './metrics/limit-uses.js';
import type { Networks } from './networks.js';
import { plainGate } from './plain-ports.js';

/** The networks other than `default`, which are let in while nothing listens. */
type OtherNetworks = Pick<Networks, 'open'>;

/** What gRPC's own message has around a packet. */
const EXCHANGE_OVERHEAD_BYTES = 16;
/** Of an epoch. */
const EPOCH_BYTES = 8;

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
  /** By the names of their networks. */
  private readonly engines = new Map<string, Engine>();
  private readonly limits: ReturnType<typeof systemLimits>;
  private adminToken: string | undefined;
  private gate: ConnectionGate | undefined;
  /** What Challenge tells in the place of the epoch of a network that there is not. Its key is as lasting as an epoch. */
  private readonly unknownEpoch: (network: string) => string;
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
    for (const name of namesOf(engine.network)) this.engines.set(name, engine);
    this.startedMs = parts.clock.nowMs();
    const key = parts.random.bytes(32);
    this.unknownEpoch = (network) =>
      createHmac('sha256', this.adminToken ?? key)
        .update(network)
        .digest()
        .subarray(0, EPOCH_BYTES)
        .toString('base64url');
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
    };
  }

  /**
   * Opens them. When one cannot be opened, those that are open have to be closed. `networks` are let in before anything listens:
   * otherwise a page that comes back to one of them hears NETWORK_NOT_FOUND, and loses its login.
   */
  async open(networks: OtherNetworks): Promise<void> {
    const { config, clock, admission, certificates } = this.parts;
    this.meeting = await listening('--rendezvous-listen', openMeeting(meetingAddress(config), clock, admission));
    const gate = this.systemGate();
    this.adminToken = await ensureAdminToken(config.data, config.adminToken, this.parts.random);
    this.system = new SystemDoor(systemBacking(this.engine, this.shared(), gate));
    this.gate = gate;
    // It closes the connections of sessions that have ended, after their watches were told.
    this.engine.publishToDoor(this.system);
    const { accept } = this.system;
    this.grpc = new GrpcDoor(grpcBacking(this.engine, this.shared(), accept), admission, config.messageBytesMax);
    networks.open(this);
    await this.openGrpc(this.grpc);
    this.addresses.stun = formatAddress(this.meeting.address);
    const mode = () => this.engine.gatekeeper.mode;
    const { allowPlaintext } = config;
    const plain = plainGate(this.system, { mode, allowPlaintext, reports: admission.reports });
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

  /** Lets callers into one more network. */
  addNetwork(engine: Engine): void {
    const { system, grpc, gate } = this;
    if (system === undefined || grpc === undefined || gate === undefined) throw new Error('the doors are not open');
    engine.publishToDoor(system.addNetwork(systemBacking(engine, this.shared(), gate)));
    grpc.addNetwork(grpcBacking(engine, this.shared(), system.acceptFor(engine.network)));
    this.engines.set(engine.network.name, engine);
  }

  /** Lets nobody into a network any more, and ends what its callers have begun. */
  removeNetwork(engine: Engine, why: Fault): void {
    this.engines.delete(engine.network.name);
    this.grpc?.removeNetwork(engine.network, why);
    engine.drain(why);
    this.system?.removeNetwork(engine.network, why);
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

  /** What the doors have that is the same in all networks. */
  private shared(): DoorsShared {
    const { parts, transports, limits, adminToken, packetBytesMax, unknownEpoch } = this;
    return {
      ...{ parts, transports, limits, adminToken, packetBytesMax, unknownEpoch },
      meeting: this.meeting!,
      reachedAt: () => this.reachedAt,
      facts: (engine) => this.facts(engine),
    };
  }

  /** What GetServer tells. */
  private facts(engine: Engine): ServerFacts {
    const { config, servers, standing } = this.parts;
    const isDefault = engine.network.number === 0;
    return {
      version: version(),
      commit: commit(),
      startedMs: this.startedMs,
      capabilities: capabilitiesOf(config),
      addresses: () => this.addresses,
      limits: () => limitUses(config, engine, isDefault ? this : undefined),
      // How large the journal of all is, is no network's own.
      standing: isDefault
        ? standing
        : () => ({ ...standing(), journalBytes: 0, snapshotAtMs: engine.replica.snapshotAtMs }),
      name: servers.name,
      servers: () => servers.list(engine.replica),
    };
  }

  /** Last, so that whoever reaches the page reaches everything that it shows. */
  private async openConsole(): Promise<void> {
    const { config, clock, random, admission, certificates } = this.parts;
    const { consoleListen, consoleOrigins = [] } = config;
    const adminToken = consoleListen && (await ensureAdminToken(config.data, config.adminToken, random));
    if (consoleListen === undefined || adminToken === undefined) return;
    this.console = new ConsoleDoor({
      calls: consoleCalls(this.grpc!.local, adminToken, (network) => this.engines.get(network)),
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
    const metadataNames = [
      SESSION_METADATA,
      ADMIN_METADATA,
      ACCESS_METADATA,
      BEARER_METADATA,
      NETWORK_METADATA,
      TRACEPARENT,
    ];
    const tls = tlsPlan(config).web ? certificates?.files : undefined;
    this.web = new WebDoor({ calls, admission, clock, origins, metadataNames, tls });
    certificates?.onChange((files) => this.web?.renew(files));
    const bound = await listening('--web-listen', this.web.listen(webListen));
    this.addresses.web = formatAddress(bound);
  }

  /** Bytes of a packet of system events that comes inside of gRPC. */
  private get packetBytesMax(): number {
    return Math.min(this.limits.packetBytesMax, this.parts.config.messageBytesMax - EXCHANGE_OVERHEAD_BYTES);
  }

  private async openGrpc(grpc: GrpcDoor): Promise<void> {
    const { config, certificates } = this.parts;
    const { messageBytesMax } = config;
    const { grpc: isEncrypted } = tlsPlan(config);
    const { packetBytesMax } = this;
    const bound = await listening(
      '--listen',
      grpc.listen(
        config.listen,
        grpcCredentials(isEncrypted ? certificates : undefined),
        await certificateReader(this.parts),
      ),
    );
    certificates?.onChange((files) => grpc.renew(askingTls(files)));
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
