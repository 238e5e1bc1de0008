import { NetworkServiceService as Graph } from '../../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../../gen/switchyard/v1/position.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import type { SeededRandom } from '../machine/random.js';
import type { NetworksCaller } from '../networks/caller.js';
import type { Member } from '../principals/member.js';

/** Watches that are open at once. */
const OPEN_MAX = 8;
const PAGE = 2;

/** Reads and watches one network, as a member that may see all of it. */
export class TenantReader {
  readonly #open: (() => void)[] = [];
  #position: Position | undefined;
  #pageToken = '';

  constructor(
    private readonly random: SeededRandom,
    private readonly caller: NetworksCaller,
    private readonly member: Member,
  ) {}

  /** Begins a watch, reads a page, or ends a watch. */
  readOne(): void {
    this.random.pick([
      () => this.#watch(),
      () => this.#watchClosed(),
      () => this.#listSessions(),
      () => this.#listStreams(),
      () => this.#open.shift()?.(),
    ])();
  }

  get #as() {
    const { access, network, peer } = this.member;
    return { access, network, peer };
  }

  #watch(): void {
    const after = this.random.chance(1 / 2) ? this.#position : undefined;
    const request = { after, coalesce: this.random.chance(1 / 2), cvids: [] };
    const told = ({ position = this.#position }: { position?: Position | undefined }) => {
      this.#position = position;
    };
    this.#keep(this.caller.call(Graph.watchNetworkDelta, request, this.#as, { told }));
  }

  #watchClosed(): void {
    const request = { cvids: [], after: this.#position };
    this.#keep(this.caller.call(Graph.watchEndpointClosed, request, this.#as, { told: () => {} }));
  }

  #listSessions(): void {
    const request = { pageSize: PAGE, pageToken: this.#pageToken, instanceType: 0, instanceUuid: '' };
    const told = ({ nextPageToken }: { nextPageToken: string }) => {
      this.#pageToken = nextPageToken;
    };
    this.caller.call(Sessions.listSessions, request, this.#as, { told });
  }

  #listStreams(): void {
    const request = { pageSize: PAGE, pageToken: '', cvid: 0 };
    this.caller.call(Streams.listStreams, request, this.#as, { told: () => {} });
  }

  #keep(cancel: () => void): void {
    this.#open.push(cancel);
    if (this.#open.length > OPEN_MAX) this.#open.shift()!();
  }
}
