import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  NetworkServiceService,
  type WatchEndpointClosedRequest,
  WatchEndpointClosedResponse,
  type WatchNetworkDeltaRequest,
  WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import { StreamServiceService, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { type CallStatus, SwitchyardError } from '../../../src/client/error.js';
import type { Feed } from '../../../src/feed/feed.js';
import { ADMIN_METADATA } from '../../../src/grpc/caller.js';
import type { Check } from '../check.js';
import type { SimulatedServer } from '../machine/server.js';
import type { ServerCall } from '../machine/server-call.js';
import type { ServerScene } from '../scene.js';
import type { Found } from '../verdict.js';
import { ClosedHistory } from './closed.js';
import { History } from './history.js';
import { StreamsHistory } from './streams.js';
import { takeMessage } from './watch.js';

interface Watch {
  take(bytes: Uint8Array): Found | undefined;
  ended(reason: string | undefined): Found | undefined;
}

/**
 * The guarantees of every watch, held against what the server writes to it: before a client, which knows how to start
 * over, could make good what is wrong.
 */
export class Wire implements Check {
  private readonly watches = new Map<ServerCall, Watch>();
  private server: SimulatedServer | undefined;

  constructor(private readonly scene: ServerScene) {}

  started(server: SimulatedServer): void {
    this.server = server;
    this.watches.clear();
  }

  arrived(call: ServerCall): void {
    const watch = this.begin(call);
    if (watch !== undefined) this.watches.set(call, watch);
  }

  wrote(call: ServerCall, message: unknown): void {
    this.judge(call, this.watches.get(call)?.take(message as Uint8Array));
  }

  ended(call: ServerCall, said: CallStatus | undefined): void {
    const reason = said && SwitchyardError.of(said).reason;
    this.judge(call, this.watches.get(call)?.ended(reason));
    this.watches.delete(call);
  }

  private begin(call: ServerCall): Watch | undefined {
    const { truth } = this.scene;
    switch (call.getPath()) {
      case NetworkServiceService.watchNetworkDelta.path:
        return this.network(call.request as WatchNetworkDeltaRequest, this.server!.feeds.network);
      case NetworkServiceService.watchEndpointClosed.path: {
        const { after, cvids } = call.request as WatchEndpointClosedRequest;
        const history = new ClosedHistory(truth, new Set(cvids));
        const { position } = this.server!.feeds.closed;
        if (after?.epoch === position.epoch && after.revision <= position.revision)
          history.cursor = Number(after.revision);
        return { take: (bytes) => history.take(WatchEndpointClosedResponse.decode(bytes)), ended: () => undefined };
      }
      case StreamServiceService.watchStreams.path: {
        // A session sees only its own streams, and one that resumes has the rest from elsewhere: both are not looked at.
        const { after } = call.request as { after?: unknown };
        if (after !== undefined || call.metadata.get(ADMIN_METADATA).length === 0) return undefined;
        const history = new StreamsHistory(truth);
        return { take: (bytes) => history.take(WatchStreamsResponse.decode(bytes)), ended: () => undefined };
      }
      default:
        return undefined;
    }
  }

  private network({ after, coalesce, cvids }: WatchNetworkDeltaRequest, feed: Feed): Watch {
    const sids = new Set(cvids);
    const history = new History(this.scene.truth, { coalesce, sids });
    const floorOf = () => (sids.size === 0 ? feed.log.floor : Math.max(feed.log.floor, feed.touches.floor));
    const revision = Number(after?.revision ?? 0);
    const isKnown = after?.epoch === feed.position.epoch && revision <= feed.position.revision;
    const isHeld = isKnown && revision >= floorOf();
    if (isKnown) history.resume(revision);
    return {
      take: (bytes) => {
        const message = WatchNetworkDeltaResponse.decode(bytes);
        if (message.kind === WatchKind.RESET && history.isResumed && isHeld && history.cursor! >= floorOf()) {
          return { check: 'Resumable', text: `a RESET, although everything past ${revision} is held` };
        }
        return takeMessage(history, message);
      },
      ended: (reason) => {
        if (reason === 'REVISION_COMPACTED' && isHeld) {
          return { check: 'Resumable', text: `refused as compacted, although everything past ${revision} is held` };
        }
        if (reason === 'WATCH_LAGGED' && history.cursor !== undefined && history.cursor >= floorOf()) {
          return { check: 'Reliable', text: `ended as lagging, although everything past ${history.cursor} is held` };
        }
        return undefined;
      },
    };
  }

  private judge(call: ServerCall, found: Found | undefined): void {
    if (found !== undefined) this.scene.verdict.fail(found.check, `${call.getPeer()} ${call.getPath()}: ${found.text}`);
  }
}
