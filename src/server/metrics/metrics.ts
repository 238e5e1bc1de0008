import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import { Counter, collectDefaultMetrics, Gauge, Histogram, type MetricObject, Registry } from 'prom-client';
import type { Admission } from '../../admission/admission.js';
import type { DoorListener } from '../../admission/door-listener.js';
import type { HttpConnections } from '../../admission/http-connections.js';
import { METRICS_PLACES } from '../../admission/limits.js';
import { Place } from '../../admission/place.js';
import { WebGuard } from '../../admission/web-guard.js';
import type { Address } from '../../base/address.js';
import { isSameSecret } from '../../base/same-secret.js';
import type { Applied } from '../../core/decide/apply.js';
import type { Command } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import type { StateView } from '../../core/store/state-view.js';
import type { FairTurns, RefusedKind } from '../../fair/fair-turns.js';
import { CallTimes } from '../../grpc/call-times.js';
import type { Publisher } from '../../replica/publisher.js';
import { SHARE_FLAGS, type ShareFlag } from '../../shares/limits.js';
import { countDeprecated } from './deprecations.js';
import { type HeldParts, meterHeld } from './held-meters.js';
import { type Metered, meterCalls, meterConnections, meterServer } from './meters.js';
import { meterMoves } from './moves.js';
import { type MeteredNetworks, meterNetworks } from './network-meters.js';
import { type LogStanding, meterStanding } from './standing-meters.js';

/** What is measured. Gauges read it when somebody asks, so that they cost nothing in between. */
export interface Measured extends Metered, MeteredNetworks, HeldParts {
  readonly turns: FairTurns;
  readonly doors: HeldParts['doors'] & {
    readonly connectionCount: number;
    readonly grpcConnectionCount: number;
    readonly watchBytes: number;
  };
}

/** A metric as it was declared. */
export interface MetricFacts {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Who may read metrics, and how. */
export interface MetricsAccess {
  /** The certificate to show; absent: plain text. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** What has to come as bearer token; absent: nothing. */
  readonly token?: string | undefined;
}

/**
 * What Prometheus is told, on a port of its own: GET /metrics over HTTP or HTTPS. Supervisors that do not speak grpc.health.v1 ask there, too: /healthz and /readyz.
 *
 * Node's own figures (memory, garbage collection, delay of the event loop) come with it.
 *
 * A connection is for one request, and all of it has the time of a handshake: a collector asks some times a minute and gains
 * nothing by keeping it.
 */
export class Metrics {
  /** Calls over gRPC, counted where they end. */
  readonly calls = new CallTimes();
  private readonly registry = new Registry();
  /** Calls that use what is deprecated. */
  readonly deprecated = countDeprecated(this.registry);
  private http: Server | SecureServer | undefined;
  private token: string | undefined;
  private listener: DoorListener | undefined;
  private open: HttpConnections | undefined;
  private guard: WebGuard | undefined;
  private admission: Admission | undefined;
  private isDraining = false;
  private isWritable = true;
  private readonly commands = new Counter({
    name: 'switchyard_commands_total',
    help: 'Commands by kind and by what came of them: ok, or the reason of the refusal.',
    labelNames: ['kind', 'reason'],
    registers: [this.registry],
  });
  private readonly appendSeconds = new Histogram({
    name: 'switchyard_journal_append_seconds',
    help: 'How long an append took until it was durable.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.registry],
  });
  private readonly appended = new Counter({
    name: 'switchyard_journal_commands_total',
    help: 'Commands that were appended to the journal.',
    registers: [this.registry],
  });
  private readonly journalWritable = new Gauge({
    name: 'switchyard_journal_writable',
    help: '1 while commands can be stored, 0 while the disk has no space left for them.',
    registers: [this.registry],
  });
  private readonly fullShares = new Counter({
    name: 'switchyard_share_refused_total',
    help: 'What was refused because one connection or address has its share, by that.',
    labelNames: ['share'],
    registers: [this.registry],
  });
  private readonly wouldBeRefused = new Counter({
    name: 'switchyard_auth_observed_total',
    help: 'Calls that the mode required would refuse, in the mode observe, by the reason.',
    labelNames: ['reason'],
    registers: [this.registry],
  });
  private readonly fullTurns = new Counter({
    name: 'switchyard_turn_refused_total',
    help: 'Calls and costly requests (work) that were refused because too many of them wait for their turn.',
    labelNames: ['what'],
    registers: [this.registry],
  });
  private readonly cuts = new Counter({
    name: 'switchyard_system_cut_off_total',
    help: 'Connections of system events that were cut off or refused, by the bound that they passed.',
    labelNames: ['cause'],
    registers: [this.registry],
  });
  private readonly grpcCuts = new Counter({
    name: 'switchyard_grpc_cut_off_total',
    help: 'Connections of gRPC clients that were closed at a bound, by the bound that they passed.',
    labelNames: ['cause'],
    registers: [this.registry],
  });

  private readonly connections = meterConnections(this.registry);
  private readonly moves = meterMoves(this.registry);
  private readonly refusals = new Counter({
    name: 'switchyard_door_refused_total',
    help: 'Connections that were refused or closed at a door, by the door and the cause.',
    labelNames: ['door', 'cause'],
    registers: [this.registry],
  });

  constructor() {
    this.journalWritable.set(1);
    meterCalls(this.registry, this.calls);
    // From zero, so that a rate knows the first one.
    for (const share of Object.values(SHARE_FLAGS)) this.fullShares.inc({ share }, 0);
    for (const what of ['call', 'work'] as const) this.fullTurns.inc({ what }, 0);
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts a connection that was refused or closed at a door. */
  refusedAtDoor(door: string, cause: string): void {
    this.refusals.inc({ door, cause });
  }

  /** Counts a command. */
  observed(command: Command, outcome: Applied | Fault): void {
    this.commands.inc({ kind: command.kind, reason: outcome instanceof Fault ? outcome.reason : 'ok' });
  }

  /** Notes whether commands can be stored. */
  setWritable(isWritable: boolean): void {
    this.isWritable = isWritable;
    this.journalWritable.set(isWritable ? 1 : 0);
  }

  /** From now on whoever asks is told that the server goes down. */
  drain(): void {
    this.isDraining = true;
  }

  /** Counts an append. */
  appendTook(tookMs: number, count: number): void {
    this.appendSeconds.observe(tookMs / 1000);
    this.appended.inc(count);
  }

  /** Counts a connection of system events that has passed a bound. */
  cutOff(cause: string): void {
    this.cuts.inc({ cause });
  }

  /** Counts a connection of a gRPC client that has passed a bound. */
  grpcCutOff(cause: string): void {
    this.grpcCuts.inc({ cause });
  }

  /** Counts what was refused because a share is full. */
  shareRefused(share: ShareFlag): void {
    this.fullShares.inc({ share });
  }

  /** The mode required would have refused a call. */
  wouldRefuse(reason: string): void {
    this.wouldBeRefused.inc({ reason });
  }

  /** Counts what was refused because too much waits for its turn. */
  turnRefused(what: RefusedKind): void {
    this.fullTurns.inc({ what });
  }

  /** Counts what becomes of the brokered connections of a network: answers with what is to be told of its changes from now on. */
  tally(state: Pick<StateView, 'connections'>): Publisher {
    const connections = this.connections(state);
    const { moves } = this;
    return {
      publish: (position, changes) => {
        connections.publish(position, changes);
        moves.publish(position, changes);
      },
    };
  }

  /** Adds the gauges of a running server. */
  measure(measured: Measured): void {
    const { doors, turns } = measured;
    meterServer(this.registry, measured);
    meterNetworks(this.registry, measured);
    const written = 'Bytes that watches over gRPC have written and their clients have not taken.';
    this.gauge('switchyard_watch_bytes', written, () => doors.watchBytes);
    const connections = () => doors.connectionCount;
    this.gauge('switchyard_system_connections', 'Open connections of system events.', connections);
    const grpcConnections = () => doors.grpcConnectionCount;
    this.gauge('switchyard_grpc_connections', 'Open connections of gRPC clients.', grpcConnections);
    this.gauge('switchyard_turns_waiting', 'Calls and costly requests that wait for their turn.', () => turns.waiting);
    meterHeld(this.registry, measured);
  }

  /** Adds the figures of a log that several servers have in common. */
  measureStanding(standing: LogStanding): void {
    meterStanding(this.registry, standing);
  }

  /** Every metric of the server's own, as it was declared: for documents and their tests. */
  list(): MetricFacts[] {
    const all = this.registry.getMetricsAsArray() as (MetricObject & { readonly labelNames?: readonly string[] })[];
    return all
      .filter(({ name }) => name.startsWith('switchyard_'))
      .map(({ name, help, type, labelNames = [] }) => ({ name, help, type: String(type), labels: labelNames }));
  }

  /** Begins to answer. Resolves with the address, its port a real one. */
  listen(wanted: Address, admission: Admission, { tls, token }: MetricsAccess = {}): Promise<Address> {
    const answer = admission.fence.around(
      'metrics',
      (request: IncomingMessage, response: ServerResponse) => this.answer(request, response),
      (request) => request.socket.destroy(),
    );
    this.http = tls === undefined ? createServer(answer) : createSecureServer({ cert: tls.cert, key: tls.key }, answer);
    this.token = token;
    this.open = admission.connections(this.http);
    const gate = admission.gate({ door: 'metrics', places: METRICS_PLACES });
    const listener = admission.listener('metrics', gate, this.http);
    this.guard = new WebGuard([], wanted.host, () => listener.bound);
    this.admission = admission;
    this.listener = listener;
    return listener.listen(wanted);
  }

  /** Shows another certificate from the next connection on. */
  renew({ cert, key }: { readonly cert: Buffer; readonly key: Buffer }): void {
    if (this.http instanceof SecureServer) this.http.setSecureContext({ cert, key });
  }

  /** Closes its connections once they have their answers, or after a while, and the port, which cuts what no handshake has vouched for. */
  async close(deadlineMs: number): Promise<void> {
    await this.open?.end(deadlineMs);
    this.listener?.close();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('connection', 'close');
    const refusal = this.guard?.refuses(request);
    if (refusal !== undefined) {
      const { cause, message: why } = refusal;
      this.admission?.reports.report({ door: 'metrics', cause, why, address: request.socket.remoteAddress });
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`${refusal.message}\n`);
    } else if (request.method === 'GET' && request.url === '/healthz') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    } else if (request.method === 'GET' && request.url === '/readyz') {
      const why = this.whyNotReady();
      response.writeHead(why === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${why ?? 'ready'}\n`);
    } else if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
    } else if (!this.maySee(request)) {
      const why = 'metrics were asked for without the token of --metrics-token';
      this.admission?.reports.report({ door: 'metrics', cause: 'token', why, address: request.socket.remoteAddress });
      response
        .writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' })
        .end('a token is needed\n');
    } else {
      Place.of(request.socket)?.setBusy(true);
      this.registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': this.registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    }
  }

  private maySee({ headers: { authorization = '' } }: IncomingMessage): boolean {
    return this.token === undefined || isSameSecret(authorization, `Bearer ${this.token}`);
  }

  /** The port opens after all others, so whoever reaches it reaches those. */
  private whyNotReady(): string | undefined {
    if (this.isDraining) return 'the server is draining';
    return this.isWritable ? undefined : 'the journal takes no commands';
  }

  private gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }
}
