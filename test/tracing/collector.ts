import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span, as a collector gets it. */
export interface CollectedSpan {
  /** `service.name` of whoever made it. */
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failure: string | undefined;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** The body of `POST /v1/traces`, as JSON. */
interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** A collector that takes traces as OTLP over HTTP, in JSON, and keeps them. */
export class Collector {
  readonly spans: CollectedSpan[] = [];
  /** How many spans each request brought. */
  readonly batches: number[] = [];
  headers: IncomingHttpHeaders = {};
  /** What it answers; 0: nothing at all. */
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      if (request.method !== 'POST' || request.url !== '/v1/traces') return void response.writeHead(404).end();
      this.headers = request.headers;
      const body = (await json(request)) as TracesRequest;
      if (this.status === 0) return;
      if (this.status === 200) this.#take(body);
      response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
    });
  }

  static async listen(): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  /** What `--otlp` gets. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when something holds of what came, which is looked at for ten seconds. */
  async until(holds: () => boolean): Promise<void> {
    for (let tries = 0; !holds(); tries++) {
      if (tries === 500) throw new Error(`only these spans came: ${this.spans.map(({ name }) => name).join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take({ resourceSpans }: TracesRequest): void {
    let count = 0;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        count += 1;
        this.spans.push(collected(service, span));
      }
    }
    this.batches.push(count);
  }
}

function collected(service: string, span: OtlpSpan): CollectedSpan {
  const { name, kind, traceId, spanId, parentSpanId = '', status } = span;
  return {
    ...{ service, name, kind, traceId, spanId, parentSpanId },
    fromNs: BigInt(span.startTimeUnixNano),
    toNs: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(span.attributes),
    failure: status.code === 2 ? (status.message ?? '') : undefined,
  };
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
