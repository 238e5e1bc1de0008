import type { InstanceFlavor, InstanceType } from '../../../gen/switchyard/v1/instance.js';
import type { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import type { SigningKey } from '../../trust/signing-key.js';
import { durationOf } from '../duration.js';
import type { OrderHandlers } from './orders.js';

/** Who joins, and how. */
export interface InstanceOptions {
  /** Any RFC 9562 UUID. The instance is known by it for ever: a newer session of the same UUID ends the older. */
  readonly uuid: string;
  /** 2-7. */
  readonly type: InstanceType;
  /** 0-31. */
  readonly flavor?: InstanceFlavor | undefined;
  /** For people. */
  readonly name?: string | undefined;
  /** For other programs. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** How long the session should live without being renewed. The server has the last word. */
  readonly ttlMs?: number | undefined;
  /** What to do with orders. Absent: connections are refused, a termination is obeyed. */
  readonly handlers?: OrderHandlers | undefined;
  /**
   * A port at which others can reach this machine, because nothing is in the way or its router forwards it: TCP and UDP.
   * Connections listen there, one at a time: peers that it connects to are told to dial it, and those that connect to it
   * are told the address. Others, and all when nobody gets through, are made as without it.
   */
  readonly listenPort?: number | undefined;
  /**
   * Whether to ask the router, by NAT-PMP, to let strangers in at the port of a connection over TCP while that is being made: then one that
   * could only be relayed is direct. Takes a second longer where no router answers; Linux alone. Default: false.
   */
  readonly mapPorts?: boolean | undefined;
  /**
   * The key by which the instance proves itself, or what finds it each time. The first that it shows binds its UUID: from then on
   * nobody opens its sessions without one of its keys. Absent: nothing is proved.
   */
  readonly key?: SigningKey | (() => Promise<SigningKey>) | undefined;
  /**
   * The person or service whose key that is, which may have 32 sessions at once, each of an instance with a UUID drawn for it. Default: the
   * instance itself.
   */
  readonly identity?: string | undefined;
  /** False: proofs are not bound to the server's certificate, for a proxy that ends TLS. Default: true. */
  readonly bindProofs?: boolean | undefined;
  /** Whether a session that expired or was lost is followed by a new one. Default: true. */
  readonly reopen?: boolean | undefined;
  /** Lets go at once, without a goodbye: the session has its grace. */
  readonly signal?: AbortSignal | undefined;
}

/** What the server is asked for, again for every session of the instance. */
export function sessionRequest(options: InstanceOptions): SessionRequest {
  return {
    instanceUuid: options.uuid,
    instanceType: options.type,
    instanceFlavor: options.flavor ?? 0,
    ttl: options.ttlMs === undefined ? undefined : durationOf(options.ttlMs),
    name: options.name ?? '',
    labels: { ...options.labels },
  };
}
