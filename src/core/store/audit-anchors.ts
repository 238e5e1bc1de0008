import { SERVERS_MAX } from '../model/server.js';
import type { ServerAnchors } from '../model/trust/audit-anchor.js';

/** What is anchored of the audit logs of all servers, the one that was anchored longest ago first. */
export class AuditAnchors {
  readonly #byServer = new Map<string, ServerAnchors>();

  /** What is anchored of the log of a server; undefined: nothing yet. */
  of(server: string): ServerAnchors | undefined {
    return this.#byServer.get(server);
  }

  /** All of them, the one that was anchored longest ago first. */
  all(): Iterable<ServerAnchors> {
    return this.#byServer.values();
  }

  /** Takes the newest of a server. Beyond as many as a network may have, the one that was anchored longest ago goes. */
  put(anchors: ServerAnchors): void {
    this.#byServer.delete(anchors.server);
    this.#byServer.set(anchors.server, anchors);
    if (this.#byServer.size <= SERVERS_MAX) return;
    const [oldest] = this.#byServer.keys();
    this.#byServer.delete(oldest);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#byServer.clear();
  }
}
