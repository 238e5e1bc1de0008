import type { ConnectionRecord } from '../../../gen/switchyard/v1/connection.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  type FindPathResponse,
  type GetConnectionResponse,
  type GetNodeResponse,
  NetworkServiceService,
  type WatchConnectionsResponse,
  type WatchEndpointClosedResponse,
  type WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import {
  type GetServerResponse,
  type ListServersResponse,
  ServerServiceService,
} from '../../../gen/switchyard/v1/server.js';
import type { Session } from '../../../gen/switchyard/v1/session.js';
import {
  type GetSessionResponse,
  type ListSessionsRequest,
  SessionServiceService,
  type TerminateSessionResponse,
  type WatchSessionsResponse,
} from '../../../gen/switchyard/v1/session_service.js';
import type { Stream } from '../../../gen/switchyard/v1/stream.js';
import {
  type GetStreamResponse,
  type StopStreamResponse,
  StreamServiceService,
  type WatchStreamsResponse,
} from '../../../gen/switchyard/v1/stream_service.js';
import { LIMITS } from '../limits.js';
import { Network, type NetworkOptions } from '../network.js';
import { follow, type WatchOptions } from '../watch.js';
import { type CallOptions, type Complete, call } from './call.js';
import type { Caller } from './caller.js';
import type { Method } from './channel.js';

/** How a list is read. */
export interface ListOptions extends CallOptions {
  /** Items fetched at a time, 1-1,000. */
  readonly pageSize?: number | undefined;
}

/** What a watch of the graph may ask for besides. */
export interface NetworkWatchOptions extends WatchOptions {
  /** When too much was missed, one delta with the net effect instead of a new snapshot. */
  readonly coalesce?: boolean | undefined;
  /** Only what touches these nodes. At most 1,024. */
  readonly cvids?: readonly number[] | undefined;
}

/** What a watch of closed endpoints may ask for besides. */
export interface EndpointWatchOptions extends WatchOptions {
  /** Only these nodes. At most 1,024. */
  readonly cvids?: readonly number[] | undefined;
}

/**
 * The calls that an observer, an administrator and an instance have in common. What each does, and with which reasons
 * it is refused, stands in the protos.
 *
 * Every call takes a signal and a time limit, and answers with the service's own response, positions included: with
 * `Network.reached` a reader can wait until its picture holds what it just did.
 */
export abstract class Calls {
  /** Who calls: with a session's or an administrator's credentials. */
  protected abstract readonly caller: Caller;
  /** Who reads the graph: that needs no session, and so survives the end of one. */
  protected abstract readonly reader: Caller;

  /** Reads one node with its links. */
  getNode(cvid: number, options: CallOptions = {}): Promise<Complete<GetNodeResponse>> {
    return call(this.reader, NetworkServiceService.getNode, { cvid }, options);
  }

  /** Finds a path with the fewest links; over links of the given types only, when any are given. */
  findPath(
    fromCvid: number,
    toCvid: number,
    options: CallOptions & { readonly links?: readonly LinkType[] } = {},
  ): Promise<Complete<FindPathResponse>> {
    const request = { fromCvid, toCvid, links: [...(options.links ?? [])] };
    return call(this.reader, NetworkServiceService.findPath, request, options);
  }

  /** Reads what the server is and how it stands; with the administrator's token also how much of its limits is used. */
  getServer(options: CallOptions = {}): Promise<Complete<GetServerResponse>> {
    return this.unary(ServerServiceService.getServer, {}, options);
  }

  /** Lists the servers of the network, as the one that answers knows them. Needs `network.read`. */
  listServers(options: CallOptions = {}): Promise<Complete<ListServersResponse>> {
    return this.unary(ServerServiceService.listServers, {}, options);
  }

  /** Reads one session. `cvid` 0 is the caller's own. */
  getSession(cvid: number, options: CallOptions = {}): Promise<Complete<GetSessionResponse>> {
    return this.unary(SessionServiceService.getSession, { cvid }, options);
  }

  /** Lists the sessions: all, or those of one type or of one instance. */
  listSessions(
    filter: Partial<Pick<ListSessionsRequest, 'instanceType' | 'instanceUuid'>> = {},
    options: ListOptions = {},
  ): AsyncGenerator<Session, void, undefined> {
    const { instanceType = 0, instanceUuid = '' } = filter;
    return pages(options, async (pageSize, pageToken) => {
      const request = { pageSize, pageToken, instanceType, instanceUuid };
      const page = await this.unary(SessionServiceService.listSessions, request, options);
      return { items: page.sessions, next: page.nextPageToken };
    });
  }

  /** Ends another's session, as an administrator. Answers when it is over. */
  terminateSession(
    cvid: number,
    reason: string,
    options: CallOptions = {},
  ): Promise<Complete<TerminateSessionResponse>> {
    const withTime = { timeoutMs: LIMITS.terminateTimeoutMs, ...options };
    return this.unary(SessionServiceService.terminateSession, { cvid, reason }, withTime);
  }

  /** Reads one stream, by its id or by a branch's. */
  getStream(id: number, options: CallOptions = {}): Promise<Complete<GetStreamResponse>> {
    return this.unary(StreamServiceService.getStream, { id }, options);
  }

  /** Lists the streams that the caller can see: all, or those with one session at an end. */
  listStreams(
    filter: { readonly cvid?: number } = {},
    options: ListOptions = {},
  ): AsyncGenerator<Stream, void, undefined> {
    return pages(options, async (pageSize, pageToken) => {
      const request = { pageSize, pageToken, cvid: filter.cvid ?? 0 };
      const page = await this.unary(StreamServiceService.listStreams, request, options);
      return { items: page.streams, next: page.nextPageToken };
    });
  }

  /** Reads what became of a direct connection: one of the caller's own or, for an administrator, any. */
  getConnection(connectionId: string, options: CallOptions = {}): Promise<Complete<GetConnectionResponse>> {
    return this.unary(NetworkServiceService.getConnection, { connectionId }, options);
  }

  /** Lists direct connections, the newest first: one's own, or all for an administrator. */
  listConnections(options: ListOptions = {}): AsyncGenerator<ConnectionRecord, void, undefined> {
    return pages(options, async (pageSize, pageToken) => {
      const page = await this.unary(NetworkServiceService.listConnections, { pageSize, pageToken }, options);
      return { items: page.connections, next: page.nextPageToken };
    });
  }

  /** Stops a stream or a branch, or with `validateOnly` says what would stop. Unknown and not-yours: INVALID. */
  stopStream(
    id: number,
    options: CallOptions & { readonly validateOnly?: boolean } = {},
  ): Promise<Complete<StopStreamResponse>> {
    return this.unary(StreamServiceService.stopStream, { id, validateOnly: options.validateOnly ?? false }, options);
  }

  /** A replica of the graph that keeps itself up to date. */
  watchNetwork(options: NetworkOptions = {}): Network {
    const page = { pageSize: 1, pageToken: '', instanceType: 0, instanceUuid: '' };
    const source = {
      deltas: (watch: WatchOptions) => this.watchNetworkDelta({ ...options, ...watch }),
      // The cheapest call that answers with a position.
      position: async (signal: AbortSignal) =>
        (await call(this.reader, SessionServiceService.listSessions, page, { signal, retry: true })).position,
    };
    return new Network(this.reader, source, options);
  }

  /** The graph's changes as the server tells them, over every break. See `follow` for what a RESET means. */
  watchNetworkDelta(options: NetworkWatchOptions = {}): AsyncGenerator<WatchNetworkDeltaResponse, void, undefined> {
    const { coalesce = false, cvids = [] } = options;
    // Filtered and coalesced watches leave revisions out, so there a gap means nothing.
    const whole = !coalesce && cvids.length === 0;
    return follow(
      this.reader,
      {
        method: NetworkServiceService.watchNetworkDelta,
        request: (after) => ({ after, coalesce, cvids: [...cvids] }),
        reset: () => ({ position: undefined, kind: WatchKind.RESET, deltas: [], committedAt: undefined }),
        snapshot: true,
        ...(whole ? { revisions: (response) => response.deltas.length } : {}),
      },
      options,
    );
  }

  /** The sessions that end, as the server tells them. A RESET says that some may have been missed. */
  watchEndpointClosed(
    options: EndpointWatchOptions = {},
  ): AsyncGenerator<WatchEndpointClosedResponse, void, undefined> {
    const cvids = [...(options.cvids ?? [])];
    return follow(
      this.reader,
      {
        method: NetworkServiceService.watchEndpointClosed,
        request: (after) => ({ after, cvids }),
        reset: () => ({
          endpointClosed: undefined,
          position: undefined,
          kind: WatchKind.RESET,
          committedAt: undefined,
        }),
        snapshot: false,
      },
      options,
    );
  }

  /** The streams that the caller can see, as the server tells them. After a RESET a new snapshot follows. */
  watchStreams(options: WatchOptions = {}): AsyncGenerator<WatchStreamsResponse, void, undefined> {
    return follow(
      this.caller,
      {
        method: StreamServiceService.watchStreams,
        request: (after) => ({ after }),
        reset: () => ({ position: undefined, kind: WatchKind.RESET, changes: [], committedAt: undefined }),
        snapshot: true,
      },
      options,
    );
  }

  /** Direct connections, each as it stands from its last change on: the caller's own, or all for an administrator. */
  watchConnections(options: WatchOptions = {}): AsyncGenerator<WatchConnectionsResponse, void, undefined> {
    return follow(
      this.caller,
      {
        method: NetworkServiceService.watchConnections,
        request: (after) => ({ after }),
        reset: () => ({ position: undefined, kind: WatchKind.RESET, connections: [], committedAt: undefined }),
        snapshot: true,
      },
      options,
    );
  }

  /** Sessions that are opened, attached, detached and closed. Its positions are its own, and not the network's. */
  watchSessions(options: EndpointWatchOptions = {}): AsyncGenerator<WatchSessionsResponse, void, undefined> {
    const cvids = [...(options.cvids ?? [])];
    return follow(
      this.reader,
      {
        method: SessionServiceService.watchSessions,
        request: (after) => ({ after, cvids }),
        reset: () => ({ position: undefined, kind: WatchKind.RESET, changes: [], committedAt: undefined }),
        snapshot: true,
      },
      options,
    );
  }

  /** One call with the caller's credentials. What is built on top of the client (direct connections) starts here. */
  protected unary<Request, Response extends object>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Complete<Response>> {
    return call(this.caller, method, request, options);
  }
}

/** Reads page after page, each when its first item is asked for. The time limit is that of a page. */
export async function* pages<Item>(
  options: ListOptions,
  read: (pageSize: number, pageToken: string) => Promise<{ items: readonly Item[]; next: string }>,
): AsyncGenerator<Item, void, undefined> {
  let pageToken = '';
  do {
    const page = await read(options.pageSize ?? LIMITS.pageSize, pageToken);
    yield* page.items;
    pageToken = page.next;
  } while (pageToken !== '');
}
