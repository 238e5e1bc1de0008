import {
  type DirectConnectionRequest,
  type FindPathRequest,
  type FindPathResponse,
  type GetConnectionRequest,
  type GetNodeRequest,
  type GetNodeResponse,
  LinkState,
  type ListConnectionsRequest,
  type NetworkServiceServer,
  NetworkServiceService,
  type ReportLinkRequest,
  type ReportLinkResponse,
  type WatchConnectionsRequest,
  type WatchEndpointClosedRequest,
  type WatchNetworkDeltaRequest,
} from '../../../gen/switchyard/v1/network_service.js';
import type { Position as PositionMessage } from '../../../gen/switchyard/v1/position.js';
import { Checked, wholeMs } from '../../core/decide/check.js';
import { PathSearch } from '../../core/decide/path.js';
import type { ReportLink } from '../../core/model/command.js';
import type { PathKind } from '../../core/model/connection.js';
import { Fault } from '../../core/model/fault.js';
import { type LinkType, orderedLink } from '../../core/model/link.js';
import type { Position } from '../../core/model/position.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Subscription } from '../../feed/subscription.js';
import type { Amounts } from '../../shares/belongings.js';
import type { Backing } from '../backing.js';
import type { Calls, Step } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { msOf } from '../encode/duration.js';
import { passingBytes } from '../encode/encoded.js';
import { nodeMessage, positionMessage } from '../encode/message.js';
import type { Source } from '../pump.js';
import { recordsFor } from './connection-record.js';
import {
  directConnection,
  getConnection,
  listConnections,
  noConnection,
  readConnectionId,
} from './direct-connection.js';
import { untilEnd } from './ending.js';

/** A path's filter has three types to name. */
const LINK_FILTER_MAX = 16;
/** Links that a search walks along at a time: some tenths of a millisecond. */
const LINKS_PER_STEP = 4_096;
/** Nodes of a path that is answered, of 5 B at most: 1.3 MiB of the 2 MiB that a message may have. */
const PATH_NODES_MAX = 262_144;
/** Bytes of a position's epoch. */
const EPOCH_BYTES_MAX = 32;
const PATH_KIND_MAX = 2;
/** What is said beyond this is not worth 64 bits. */
const ROUND_TRIP_MS_MAX = 60_000;

/** NetworkService's definition, with watches whose answers are bytes already. */
export const networkDefinition = {
  ...NetworkServiceService,
  watchNetworkDelta: passingBytes(NetworkServiceService.watchNetworkDelta),
  watchEndpointClosed: passingBytes(NetworkServiceService.watchEndpointClosed),
  watchConnections: passingBytes(NetworkServiceService.watchConnections),
};

/** NetworkService, as network_service.proto documents it. */
export function networkService(calls: Calls): NetworkServiceServer {
  const { backing } = calls;
  return {
    directConnection: calls.making((request: DirectConnectionRequest, sid, call, caller) =>
      directConnection(backing, request, { sid, caller, call }),
    ),
    reportLink: calls.session((request: ReportLinkRequest, sid, _call, caller) =>
      reportLink(backing, request, sid, caller),
    ),
    getNode: calls.anyone((request: GetNodeRequest, caller) => getNode(backing, request, caller)),
    findPath: calls.costly((request: FindPathRequest) => pathBetween(backing, request)),
    watchNetworkDelta: calls.watch((request: WatchNetworkDeltaRequest) => watchNetwork(backing, request)),
    watchEndpointClosed: calls.watch((request: WatchEndpointClosedRequest) => watchClosed(backing, request)),
    getConnection: calls.sessionOrAdmin((request: GetConnectionRequest, caller) =>
      getConnection(backing, request, caller),
    ),
    watchConnections: calls.sessionOrAdminWatch((request: WatchConnectionsRequest, caller) =>
      watchConnections(backing, request, caller),
    ),
    listConnections: calls.sessionOrAdminCostly((request: ListConnectionsRequest, caller) =>
      listConnections(backing, request, caller),
    ),
  };
}

async function reportLink(
  { replica, shares }: Backing,
  request: ReportLinkRequest,
  sid: number,
  caller: Caller,
): Promise<ReportLinkResponse | Fault> {
  const { state } = replica;
  const { peerCvid, link, state: linkState, connectionId, path, roundTrip, failed } = request;
  const checked = new Checked(state.limits);
  checked.sid('peer_cvid', peerCvid);
  const type = checked.transportType('link', link);
  if (linkState !== LinkState.ESTABLISHED && linkState !== LinkState.LOST) {
    checked.wrong('state', `${linkState} is not a state; 1 (ESTABLISHED) and 2 (LOST) are`);
  }
  if (path < 0 || path > PATH_KIND_MAX) checked.wrong('path', `${path} is not a kind of path; 0 to 2 are`);
  checked.duration('round_trip', msOf(roundTrip));
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  if (!caller.sees(peerCvid)) return noNode(peerCvid);
  const established = linkState === LinkState.ESTABLISHED;
  const report = { kind: 'ReportLink', sid, peer: peerCvid, link: type, established } as const;
  const connection = readConnectionId(connectionId);
  if (connectionId !== '' && connection === 0) return noConnection(connectionId);
  const roundTripMs = Math.min(wholeMs(msOf(roundTrip)), ROUND_TRIP_MS_MAX);
  const brokered = { connection, path: path as number as PathKind, roundTripMs, failed };
  const command = connection === 0 ? report : { ...report, brokered };
  const outcome = await shares.hold(sid, caller.origin, roomFor(state, report), () => replica.submit(command));
  if (outcome instanceof Fault) return outcome;
  const inGraph = state.graph.hasLink(orderedLink(sid, peerCvid, type));
  return { inGraph, position: positionMessage(state.position) };
}

/** What a session holds more of once it has said so: a report, which becomes a link if the other end has said so too. */
function roomFor(state: StateView, { sid, peer, link, established }: ReportLink): Amounts {
  const isSo = state.graph.hasLink(orderedLink(sid, peer, link)) || state.reports.has({ sid, peer, link });
  return established && !isSo ? { reportsPerAddressMax: 1, linksPerAddressMax: 1 } : {};
}

function getNode({ replica }: Backing, { cvid }: GetNodeRequest, caller: Caller): GetNodeResponse | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  checked.sid('cvid', cvid);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const node = caller.sees(cvid) ? nodeMessage(state, cvid) : undefined;
  if (node === undefined) return noNode(cvid);
  const isSeen = (end: number) => state.servers.has(end) || caller.sees(end);
  const links = caller.may('graph.read') ? node.links : node.links.filter(({ peerCvid }) => isSeen(peerCvid));
  return { node: { ...node, links }, position: positionMessage(state.position) };
}

/** The graph and the position are those of the first step. */
function pathBetween({ replica }: Backing, request: FindPathRequest): Step<FindPathResponse> | Fault {
  const { state } = replica;
  const { fromCvid, toCvid, links } = request;
  const checked = new Checked(state.limits);
  checked.sid('from_cvid', fromCvid);
  checked.sid('to_cvid', toCvid);
  if (links.length > LINK_FILTER_MAX) checked.wrong('links', `${links.length}; ${LINK_FILTER_MAX} are the limit`);
  links.slice(0, LINK_FILTER_MAX).forEach((link, at) => {
    checked.linkType(`links[${at}]`, link);
  });
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  let begun: { readonly search: PathSearch; readonly position: PositionMessage } | undefined;
  return () => {
    if (begun === undefined) {
      const missing = [fromCvid, toCvid].find((sid) => !state.graph.has(sid));
      if (missing !== undefined) return noNode(missing);
      const search = new PathSearch(state.graph, fromCvid, toCvid, links as number[] as LinkType[]);
      begun = { search, position: positionMessage(state.position) };
    }
    const cvids = begun.search.step(LINKS_PER_STEP);
    if (cvids === 'more') return cvids;
    if (cvids !== undefined && cvids.length > PATH_NODES_MAX) {
      return new Fault('TOO_LARGE', `the path has ${cvids.length} nodes; ${PATH_NODES_MAX} are the limit of an answer`);
    }
    if (cvids === undefined) return new Fault('PATH_NOT_FOUND', `no path from ${fromCvid} to ${toCvid}`);
    return { cvids, position: begun.position };
  };
}

function noNode(sid: number): Fault {
  return new Fault('NODE_NOT_FOUND', `no node ${sid}`);
}

function watchNetwork(backing: Backing, request: WatchNetworkDeltaRequest): Subscription | Fault {
  const checked = new Checked(backing.replica.state.limits);
  const after = readAfter(checked, request.after);
  const sids = watchedNodes(checked, request.cvids, backing.limits.watchedNodesMax);
  const wrong = Fault.fields(checked.violations);
  return wrong ?? backing.feeds.network.subscribe({ after, coalesce: request.coalesce, sids });
}

function watchClosed(backing: Backing, request: WatchEndpointClosedRequest): Subscription | Fault {
  const checked = new Checked(backing.replica.state.limits);
  const after = readAfter(checked, request.after);
  const sids = watchedNodes(checked, request.cvids, backing.limits.watchedNodesMax);
  const wrong = Fault.fields(checked.violations);
  return wrong ?? backing.feeds.closed.subscribe({ after, sids });
}

/** A session sees its own connections, and who may read the network all of them. */
function watchConnections(
  { replica, feeds }: Backing,
  request: WatchConnectionsRequest,
  caller: Caller,
): Source<Uint8Array> | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const after = readAfter(checked, request.after);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const { sid } = caller;
  const seesAll = caller.may('network.read');
  const watching = feeds.connections.subscribe({ after, sids: seesAll ? [] : [sid!] });
  if (watching instanceof Fault) return watching;
  return seesAll ? recordsFor(watching, caller) : untilEnd(watching, state, sid!);
}

/** Reads the nodes that a watch names. */
export function watchedNodes(checked: Checked, cvids: readonly number[], nodesMax: number): readonly number[] {
  if (cvids.length > nodesMax) checked.wrong('cvids', `${cvids.length} nodes; ${nodesMax} are the limit`);
  else cvids.forEach((cvid, at) => void checked.sid(`cvids[${at}]`, cvid));
  return cvids;
}

/** The position that a watch continues from. One of another epoch, or of the future, is no mistake: it begins anew. */
export function readAfter(checked: Checked, after: PositionMessage | undefined): Position | undefined {
  if (after === undefined) return undefined;
  if (Buffer.byteLength(after.epoch) > EPOCH_BYTES_MAX) {
    checked.wrong('after.epoch', `${Buffer.byteLength(after.epoch)} bytes; no epoch has more than ${EPOCH_BYTES_MAX}`);
  }
  return { epoch: after.epoch, revision: Number(after.revision) };
}
