import type { ConnectionGate } from '../admission/connection-gate.js';
import { Asking } from '../brokering/asking.js';
import { doorLimits } from '../config/part-limits.js';
import { tlsPlan } from '../config/tls-plan.js';
import type { Backing as GrpcBacking, ServerFacts } from '../grpc/backing.js';
import type { Meeting } from '../rendezvous/meeting.js';
import type { SystemBacking } from '../system/conversation/backing.js';
import type { SystemDoor } from '../system/door.js';
import type { SystemLimits } from '../system/limits.js';
import type { Transports } from '../transport/transports.js';
import type { DoorParts } from './door-parts.js';
import type { Engine } from './engine.js';
import { announced } from './meeting-address.js';
import { CUT_OFF_WORDS } from './metrics/cut-off-words.js';
import { deprecation } from './metrics/deprecations.js';
import { networkAudit } from './network-audit.js';

/** What the doors have that is the same in all networks. */
export interface DoorsShared {
  readonly parts: DoorParts;
  readonly transports: Transports;
  readonly limits: SystemLimits;
  readonly meeting: Meeting;
  readonly adminToken: string | undefined;
  /** Bytes of a packet of system events that comes inside of gRPC. */
  readonly packetBytesMax: number;
  /** What Challenge tells in the place of the epoch of a network that there is not. */
  readonly unknownEpoch: (network: string) => string;
  /** Where others reach gRPC, for tickets. */
  readonly reachedAt: () => readonly string[];
  /** What GetServer tells. */
  readonly facts: (engine: Engine) => ServerFacts;
}

/** What the door of system events stands on, in one network. */
export function systemBacking(engine: Engine, shared: DoorsShared, gate: ConnectionGate): SystemBacking {
  const { clock, random, log, metrics, events, admission } = shared.parts;
  const { replica, opening, gatekeeper, enrolment, certificates, shares, turns, feeds, relay } = engine;
  return {
    replica,
    opening,
    gatekeeper,
    enrolment,
    certificates,
    shares,
    turns,
    feeds: feeds.system,
    relay,
    transports: shared.transports,
    ...brokering(engine, shared),
    unknownEpoch: shared.unknownEpoch,
    stopped: (network) => shared.parts.networks?.stopped(network),
    clock,
    random,
    log,
    limits: shared.limits,
    gate,
    refused: (fault, event, origin) => events.refused(fault, event, origin),
    audit: networkAudit(shared.parts.audit, engine.network),
    cutOff: (cause, address) => {
      metrics?.cutOff(cause);
      const why = `connections of system events are closed: ${CUT_OFF_WORDS[cause]}`;
      admission.reports.report({ door: 'system', cause, why, address });
    },
  };
}

/** What the services stand on, in one network. */
export function grpcBacking(engine: Engine, shared: DoorsShared, accept: SystemDoor['accept']): GrpcBacking {
  const { config, clock, random, log, metrics, events, certificates, networks } = shared.parts;
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
  } = engine;
  return {
    replica,
    opening,
    gatekeeper,
    enrolment,
    issuers,
    certificates: logins,
    shares,
    turns,
    feeds: feeds.grpc,
    transports: shared.transports,
    exchange: { accept, packetBytesMax: shared.packetBytesMax },
    relay,
    networks: engine.network.number === 0 ? networks : undefined,
    unknownEpoch: shared.unknownEpoch,
    clock,
    random,
    log,
    limits: doorLimits(config),
    adminToken: shared.adminToken,
    orderDeadlineMs: config.orderDeadlineMs,
    offersReflection: () => gatekeeper.mode !== 'required' || config.reflection,
    ...brokering(engine, shared),
    refused: (fault, method, origin) => events.refused(fault, method, origin),
    audit: networkAudit(shared.parts.audit, engine.network),
    about: shared.facts(engine),
    reach: {
      isEncrypted: tlsPlan(config).grpc,
      pins: () => certificates?.pins ?? [],
      toldPins: () => certificates?.toldPins ?? [],
      addresses: shared.reachedAt,
    },
    cutOff: metrics && ((cause) => metrics.grpcCutOff(cause)),
    callTimes: metrics?.calls,
    tracer: shared.parts.tracer,
  };
}

/** How connections are asked for, the same at every door. */
function brokering({ replica, gatekeeper, acceptances, shares }: Engine, shared: DoorsShared) {
  const { config, clock, random } = shared.parts;
  const { observed, address } = shared.meeting;
  const isObserved = (host: string) => observed.has(host);
  const oldRelay = deprecation('relay_version_1', shared.parts);
  const asked = { isObserved, orderDeadlineMs: config.orderDeadlineMs, oldRelay };
  const asking = new Asking({ replica, gatekeeper, shares, acceptances, clock, random, ...asked });
  return { asking, rendezvous: [announced(config, address)] };
}
