import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Server } from 'node:net';
import type { Logger } from 'pino';
import type { Clock, Random } from '../base/clock.js';
import { Fence } from '../base/fence.js';
import type { AddressSet } from './address-set.js';
import { ConnectionGate } from './connection-gate.js';
import { DescriptorWatch } from './descriptor-watch.js';
import { DoorListener, type ListenerRefusal } from './door-listener.js';
import { DoorReports } from './door-reports.js';
import { HttpConnections } from './http-connections.js';
import { ADMISSION_LIMITS, type AdmissionLimits, type PlaceLimits } from './limits.js';
import type { GateCause } from './place.js';

/** What the admission of a server stands on. */
export interface AdmissionDeps {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Names faults in the log. */
  readonly random: Pick<Random, 'bytes'>;
  /** Addresses that have no bound of their own. */
  readonly exempt: AddressSet;
  /** Whose connections begin with a PROXY header. */
  readonly proxies: AddressSet;
  /** Counts what is refused, for metrics. */
  readonly count?: ((door: string, cause: string) => void) | undefined;
  readonly limits?: AdmissionLimits;
}

/** A door, as the gate needs to know it. */
export interface DoorPlaces {
  /** Its code name. */
  readonly door: string;
  readonly places: PlaceLimits;
  /** The options for more places, in all and for one address; none where the bounds are fixed. */
  readonly options?: { readonly all: string; readonly address: string } | undefined;
  /** Told of each connection that is refused or closed at the gate, besides the reports. */
  readonly refused?: ((cause: GateCause) => void) | undefined;
}

const WHY: Readonly<Record<GateCause, string>> = {
  full: 'connections are refused: all places are taken by others that work',
  address: 'connections are refused: their address has all the places that it may have',
  silent: 'connections without a call are closed to make room for others',
  handshake: 'connections are closed: they did not say in time what they want',
  unproven: 'connections are closed: the last quarter of the places is for those that show a token or a certificate',
};

const PROXY_OPTION = { option: '--proxy-protocol-from' };

/** Everything that decides who may connect, for all TCP ports of one server. */
export class Admission {
  readonly reports: DoorReports;
  /** For what doors do with what comes in. */
  readonly fence: Fence;
  readonly limits: AdmissionLimits;
  readonly #deps: AdmissionDeps;
  readonly #descriptors: DescriptorWatch;

  constructor(deps: AdmissionDeps) {
    const { clock, log, random, count, limits = ADMISSION_LIMITS } = deps;
    this.#deps = deps;
    this.fence = new Fence({ log, random });
    this.limits = limits;
    this.reports = new DoorReports({ clock, log, count, reportMs: limits.reportMs });
    const exhausted = () => this.#exhausted('all', 'no file descriptors are left: new connections are closed at once');
    this.#descriptors = new DescriptorWatch({ clock, everyMs: limits.descriptorsMs, exhausted });
  }

  /** The connections of a server of HTTP/1.1, from now on. */
  connections(http: HttpServer | HttpsServer): HttpConnections {
    return new HttpConnections(http, this.#deps.clock);
  }

  /** Makes the gate of a door. */
  gate({ door, places, options, refused }: DoorPlaces): ConnectionGate {
    const { clock, exempt } = this.#deps;
    return new ConnectionGate({
      ...{ clock, exempt },
      limits: { ...this.limits, ...places },
      refused: (cause, address) => {
        refused?.(cause);
        this.reports.report({ door, cause, why: WHY[cause], address, option: optionFor(cause, options) });
      },
    });
  }

  /** Makes a port, through whose gate connections reach the server behind. */
  listener(door: string, gate: ConnectionGate, behind: Server): DoorListener {
    const { clock, proxies } = this.#deps;
    const { limits } = this;
    const refused = ({ cause, kind, address, why }: ListenerRefusal) => {
      if (cause === 'descriptors') this.#exhausted(door, why);
      else this.reports.report({ door, cause, kind, why, address, ...(cause === 'proxy' ? PROXY_OPTION : {}) });
    };
    return new DoorListener({ door, gate, clock, limits, proxies, refused, fence: this.fence }, behind);
  }

  /** Watches nothing any more. Ports are their doors' to close. */
  close(): void {
    this.#descriptors.close();
  }

  #exhausted(door: string, why: string): void {
    this.reports.report({ door, cause: 'descriptors', why, option: 'ulimit -n, or LimitNOFILE= of systemd' });
  }
}

function optionFor(cause: GateCause, options: DoorPlaces['options']): string | undefined {
  if (options === undefined || cause === 'handshake') return undefined;
  return cause === 'address' ? `${options.address} or --address-exempt` : options.all;
}
