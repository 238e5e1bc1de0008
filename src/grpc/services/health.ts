import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthServer,
  HealthService,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../gen/grpc/health/v1/health.js';
import { unknownService } from '../status.js';

type Watch = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

/**
 * grpc.health.v1: whether each service, and (named '') the server as a whole, takes calls.
 *
 * Written here and not taken from grpc-health-check because that one cannot end its watches: a balancer that watches would
 * hold every drain up to its deadline.
 */
export class Health {
  private readonly statuses: Map<string, Serving>;
  private readonly watches = new Set<Watch>();
  private isStopped = false;

  constructor(services: readonly string[]) {
    this.statuses = new Map(['', ...services].map((service) => [service, Serving.SERVING]));
  }

  addTo(server: Server): void {
    const handlers: HealthServer = {
      check: (call, callback) => {
        const { service } = call.request;
        const status = this.statuses.get(service);
        if (status === undefined) callback(unknownService(service));
        else callback(null, { status });
      },
      watch: (call: Watch) => this.watch(call),
      list: (_call, callback) => {
        const statuses = [...this.statuses].map(([service, status]) => [service, { status }]);
        callback(null, { statuses: Object.fromEntries(statuses) });
      },
    };
    server.addService(HealthService, handlers);
  }

  /** Tells everybody who watches a service whether it is served. After {@link stopServing} nothing changes any more. */
  setServing(service: string, isServing: boolean): void {
    if (this.isStopped) return;
    this.statuses.set(service, isServing ? Serving.SERVING : Serving.NOT_SERVING);
    for (const call of this.watches) if (call.request.service === service) this.tell(call);
  }

  /** Tells everybody that nothing is served any more. */
  stopServing(): void {
    this.isStopped = true;
    for (const service of this.statuses.keys()) this.statuses.set(service, Serving.NOT_SERVING);
    for (const call of this.watches) this.tell(call);
  }

  /** Ends all watches. */
  endWatches(): void {
    for (const call of this.watches) call.end();
  }

  /** An unknown service is none yet: the watch stays open, as the protocol wants it. */
  private watch(call: Watch): void {
    if (call.cancelled) return;
    this.watches.add(call);
    call.once('cancelled', () => this.watches.delete(call));
    this.tell(call);
  }

  private tell(call: Watch): void {
    call.write({ status: this.statuses.get(call.request.service) ?? Serving.SERVICE_UNKNOWN });
  }
}
