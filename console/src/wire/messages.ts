import type { Schema } from './codec.js';

/*
 * The messages that the page reads and writes, as proto/switchyard/v1 documents them: their fields by number, and the types of
 * what comes of them. Fields that the page does not use are left out.
 */

/** `switchyard.v1.Position`. */
export interface Position {
  readonly epoch: string;
  readonly revision: number;
}
export const POSITION: Schema = { 1: ['epoch', 'string'], 2: ['revision', 'uint64'] };

/** A Duration or a Timestamp. */
export interface Time {
  readonly seconds: number;
  readonly nanos: number;
}
export const TIME: Schema = { 1: ['seconds', 'uint64'], 2: ['nanos', 'int32'] };

export interface NodeAdded {
  readonly cvid: number;
  readonly parent: number;
  readonly instanceUuid: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}
const NODE_ADDED: Schema = {
  1: ['cvid', 'int32'],
  2: ['parent', 'int32'],
  10: ['instanceUuid', 'string'],
  11: ['name', 'string'],
  12: ['labels', 'map'],
};

/** A link that came or went. Of one that went `link` is 0 when all of the two nodes did, or the one to the server. */
export interface LinkChange {
  readonly cvid1: number;
  readonly cvid2: number;
  readonly link: number;
}

export interface NetworkDelta {
  readonly nodeAdded: readonly NodeAdded[];
  readonly nodeRemoved: readonly { readonly cvid: number }[];
  readonly linkAdded: readonly LinkChange[];
  readonly linkRemoved: readonly LinkChange[];
}
export const NETWORK_DELTA: Schema = {
  1: ['nodeAdded', NODE_ADDED, true],
  2: ['nodeRemoved', { 1: ['cvid', 'int32'] }, true],
  3: ['linkAdded', { 1: ['cvid1', 'int32'], 2: ['cvid2', 'int32'], 3: ['link', 'int32'] }, true],
  4: ['linkRemoved', { 1: ['cvid1', 'int32'], 2: ['cvid2', 'int32'], 10: ['link', 'int32'] }, true],
};

/** `switchyard.v1.WatchKind`. */
export const WATCH_KIND = { snapshot: 1, snapshotEnd: 2, delta: 3, bookmark: 4, reset: 5 } as const;

export interface NetworkMessage {
  readonly position: Position | undefined;
  readonly kind: number;
  readonly deltas: readonly NetworkDelta[];
}
export const NETWORK_MESSAGE: Schema = {
  1: ['position', POSITION],
  2: ['kind', 'int32'],
  3: ['deltas', NETWORK_DELTA, true],
};

export const WATCH_NETWORK: Schema = { 1: ['after', POSITION], 2: ['coalesce', 'bool'] };

/** A session's end. Older servers do not tell its UUID and name. */
export interface EndpointClosed {
  readonly cvid: number;
  readonly reason: number;
  readonly position: Position | undefined;
  readonly instanceUuid: string;
  readonly name: string;
}
export interface ClosedMessage {
  readonly endpointClosed: EndpointClosed | undefined;
  readonly position: Position | undefined;
  readonly kind: number;
}
export const CLOSED_MESSAGE: Schema = {
  1: [
    'endpointClosed',
    {
      1: ['cvid', 'int32'],
      10: ['reason', 'int32'],
      11: ['position', POSITION],
      12: ['instanceUuid', 'string'],
      13: ['name', 'string'],
    },
  ],
  10: ['position', POSITION],
  11: ['kind', 'int32'],
};
export const WATCH_CLOSED: Schema = { 10: ['after', POSITION] };

export interface Session {
  readonly cvid: number;
  readonly instanceUuid: string;
  readonly instanceType: number;
  readonly instanceFlavor: number;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly ttl: Time | undefined;
  readonly openedAt: Time | undefined;
  readonly attached: boolean;
}
const SESSION: Schema = {
  1: ['cvid', 'int32'],
  2: ['instanceUuid', 'string'],
  3: ['instanceType', 'int32'],
  4: ['instanceFlavor', 'int32'],
  5: ['name', 'string'],
  6: ['labels', 'map'],
  7: ['ttl', TIME],
  8: ['openedAt', TIME],
  9: ['attached', 'bool'],
};

/** The request of every list: which page. */
export const LIST: Schema = { 1: ['pageSize', 'int32'], 2: ['pageToken', 'string'] };

export interface SessionPage {
  readonly sessions: readonly Session[];
  readonly nextPageToken: string;
}
export const SESSION_PAGE: Schema = { 1: ['sessions', SESSION, true], 2: ['nextPageToken', 'string'] };

/** A network of the server. */
export interface Network {
  readonly name: string;
  readonly sessions: number;
  /** Empty: it is stored and does not run. */
  readonly epoch: string;
}
export interface NetworkList {
  readonly networks: readonly Network[];
}
export const NETWORK_LIST: Schema = {
  1: ['networks', { 1: ['name', 'string'], 4: ['sessions', 'int32'], 6: ['epoch', 'string'] }, true],
};

export interface ServerLimit {
  readonly name: string;
  readonly used: number;
  readonly max: number;
  readonly unit: string;
}
export interface ServerFacts {
  readonly version: string;
  readonly serverUuid: string;
  readonly commit: string;
  readonly uptime: Time | undefined;
  readonly serverSid: number;
  readonly position: Position | undefined;
  readonly capabilities: readonly string[];
  readonly addresses: readonly { readonly codeName: string; readonly address: string }[];
  readonly limits: readonly ServerLimit[];
  /** 1: it leads. 0: it does not say. */
  readonly role: number;
  readonly term: number;
  readonly journalBytes: number;
  readonly snapshotAt: Time | undefined;
}
export const SERVER_FACTS: Schema = {
  1: ['version', 'string'],
  2: ['serverUuid', 'string'],
  3: ['commit', 'string'],
  4: ['uptime', TIME],
  5: ['serverSid', 'int32'],
  6: ['position', POSITION],
  7: ['capabilities', 'string', true],
  8: ['addresses', { 1: ['codeName', 'string'], 2: ['address', 'string'] }, true],
  9: ['limits', { 1: ['name', 'string'], 2: ['used', 'uint64'], 3: ['max', 'uint64'], 4: ['unit', 'string'] }, true],
  10: ['role', 'int32'],
  11: ['term', 'uint64'],
  12: ['journalBytes', 'uint64'],
  13: ['snapshotAt', TIME],
};

/** One of the servers of the network, as it last said what it is. */
export interface ListedServer {
  readonly name: string;
  readonly role: number;
  readonly term: number;
  readonly lag: Time | undefined;
  readonly sessions: number;
  readonly addresses: readonly { readonly codeName: string; readonly address: string }[];
  readonly revision: number;
  readonly version: string;
  readonly toldAgo: Time | undefined;
  readonly ready: boolean;
  readonly formatMax: number;
  readonly rulesMax: number;
}

export interface ServerList {
  readonly servers: readonly ListedServer[];
  readonly position: Position | undefined;
  readonly format: number;
  readonly rules: number;
  /** It has no pages. */
  readonly nextPageToken?: undefined;
}
export const SERVER_LIST: Schema = {
  1: [
    'servers',
    {
      1: ['name', 'string'],
      2: ['role', 'int32'],
      3: ['term', 'uint64'],
      4: ['lag', TIME],
      5: ['sessions', 'uint64'],
      6: ['addresses', { 1: ['codeName', 'string'], 2: ['address', 'string'] }, true],
      7: ['revision', 'uint64'],
      8: ['version', 'string'],
      9: ['toldAgo', TIME],
      10: ['ready', 'bool'],
      11: ['formatMax', 'uint32'],
      12: ['rulesMax', 'uint32'],
    },
    true,
  ],
  2: ['position', POSITION],
  3: ['format', 'uint32'],
  4: ['rules', 'uint32'],
};

export interface Stream {
  readonly id: number;
  readonly ownerCvid: number;
  readonly sourceCvid: number;
  readonly sinks: readonly { readonly cvid: number; readonly id: number }[];
  readonly params:
    | {
        readonly name: string;
        readonly timeout: Time | undefined;
        readonly maxBlockBytes: number;
        readonly deliveryConfirmation: boolean;
        readonly labels: ReadonlyMap<string, string>;
      }
    | undefined;
}
const STREAM: Schema = {
  1: ['id', 'int32'],
  2: ['ownerCvid', 'int32'],
  3: ['sourceCvid', 'int32'],
  4: ['sinks', { 1: ['cvid', 'int32'], 2: ['id', 'int32'] }, true],
  5: [
    'params',
    {
      1: ['name', 'string'],
      2: ['timeout', TIME],
      3: ['maxBlockBytes', 'int32'],
      5: ['deliveryConfirmation', 'bool'],
      6: ['labels', 'map'],
    },
  ],
};
export interface StreamPage {
  readonly streams: readonly Stream[];
  readonly nextPageToken: string;
}
export const STREAM_PAGE: Schema = { 1: ['streams', STREAM, true], 2: ['nextPageToken', 'string'] };
export const STOP_STREAM: Schema = { 1: ['id', 'int32'], 10: ['validateOnly', 'bool'] };
export interface StreamStops {
  readonly result: number;
  readonly stoppedIds: readonly number[];
}
export const STREAM_STOPS: Schema = { 1: ['result', 'int32'], 10: ['stoppedIds', 'int32', true] };

export const FIND_PATH: Schema = { 1: ['fromCvid', 'int32'], 2: ['toCvid', 'int32'], 3: ['links', 'int32', true] };
export interface Path {
  readonly cvids: readonly number[];
}
export const PATH: Schema = { 1: ['cvids', 'int32', true] };

export const TERMINATE_SESSION: Schema = { 1: ['cvid', 'int32'], 10: ['reason', 'string'] };

/** google.rpc.Status and the two details that the page reads. */
export const STATUS: Schema = {
  1: ['code', 'int32'],
  2: ['message', 'string'],
  3: ['details', { 1: ['typeUrl', 'string'], 2: ['value', 'bytes'] }, true],
};
export const ERROR_INFO: Schema = { 1: ['reason', 'string'] };
export const RETRY_INFO: Schema = { 1: ['retryDelay', TIME] };

/** An empty message, to be sent or ignored. */
export const EMPTY: Schema = {};
