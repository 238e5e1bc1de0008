import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Servers } from '../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transports } from '../../gen/switchyard/v1/transport_service.js';
import type { Rpc } from '../../src/grpc/rules.js';
import { agent, type Method } from '../grpc/running.js';

const SERVICES = { ...Sessions, ...Network, ...Streams, ...Transports, ...Identities, ...Servers };

/** The methods that gRPC has. */
export const RPCS = Object.keys(SERVICES).map((name) => name[0].toUpperCase() + name.slice(1));

/** Whom or what a call is about. */
export interface Target {
  readonly sid: number;
  readonly uuid: string;
  readonly stream: number;
}

/** What no session, instance or stream has ever had. */
export const NO_TARGET: Target = {
  sid: 2 ** 30 + 2,
  uuid: '00000000-0000-4000-8000-00000000ffff',
  stream: 2 ** 29 + 2,
};

/** Methods that one request is made for: not those whose first message says what they are about. */
export type Tried = Exclude<Rpc, 'Exchange' | 'Relay'>;

/** A request of each method about a target, good enough to be decided by who asks. A new method does not compile without one. */
export const REQUESTS: Readonly<Record<Tried, (target: Target) => object>> = {
  Session: ({ uuid }) => ({ ...agent(1), instanceUuid: uuid }),
  Attach: () => ({}),
  KeepAlive: () => ({}),
  Answer: () => ({ orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0) }),
  TerminateSession: ({ sid }) => ({ cvid: sid, reason: 'x'.repeat(2_000) }),
  GetSession: ({ sid }) => ({ cvid: sid }),
  ListSessions: () => ({ pageSize: 1, pageToken: '', instanceType: 0, instanceUuid: '' }),
  WatchSessions: () => ({ after: undefined, cvids: [] }),
  DirectConnection: ({ sid }) => ({
    ...{ cvid: sid, type: 1, port: 5_000, candidates: [], publicKey: Buffer.alloc(0), roundTrip: undefined },
    ...{ connectionId: '', relayVersion: 0, requestId: '', fallback: 0 },
  }),
  ReportLink: ({ sid }) => ({
    ...{ peerCvid: sid, link: 1, state: 2, connectionId: '', path: 0, roundTrip: undefined, failed: false },
  }),
  GetNode: ({ sid }) => ({ cvid: sid }),
  FindPath: ({ sid }) => ({ fromCvid: sid, toCvid: sid, links: [] }),
  WatchNetworkDelta: () => ({ after: undefined, coalesce: false, cvids: [] }),
  WatchEndpointClosed: () => ({ after: undefined, cvids: [] }),
  GetConnection: () => ({ connectionId: 'c1' }),
  ListConnections: () => ({ pageSize: 1, pageToken: '' }),
  WatchConnections: () => ({ after: undefined }),
  CreateStream: ({ sid }) => ({ params: undefined, sinkCvids: [sid], requestId: '' }),
  UpdateStreamParams: ({ stream }) => ({ id: stream, params: undefined, updateMask: ['name'] }),
  TerminateStream: () => ({ id: NO_TARGET.stream }),
  StopStream: ({ stream }) => ({ id: stream, validateOnly: true }),
  GetStream: ({ stream }) => ({ id: stream }),
  ListStreams: () => ({ pageSize: 1, pageToken: '', cvid: 0 }),
  WatchStreams: () => ({ after: undefined }),
  EnumerateTransport: () => ({ codeName: '', encrypted: undefined }),
  GetServer: () => ({}),
  ListServers: () => ({}),
  Challenge: () => ({ network: '' }),
  Login: () => ({ proof: undefined }),
  WhoAmI: () => ({}),
  RotateKey: () => ({ oldProof: undefined, newProof: undefined }),
  GetIdentity: ({ uuid }) => ({ identityUuid: uuid }),
  ListIdentities: () => ({ pageSize: 1, pageToken: '' }),
  UpdateIdentity: ({ uuid }) => ({ identityUuid: uuid, kind: 1, roles: [], name: '', labels: {}, updateMask: [] }),
  BindKey: ({ uuid }) => ({ identityUuid: uuid, publicKey: Buffer.alloc(0) }),
  ForgetKey: () => ({ identityUuid: 'x' }),
  RevokeIdentity: () => ({ identityUuid: 'x' }),
  GetPolicy: () => ({}),
  PutPolicy: () => ({ document: '?', validateOnly: true, ifRevision: undefined }),
  IssueTicket: () => ({
    kind: 0,
    roles: [],
    uses: 1,
    validFor: undefined,
    names: '',
    identityUuid: '',
    addresses: ['hub:1'],
  }),
  ListTickets: () => ({ pageSize: 0, pageToken: '' }),
  RevokeTicket: () => ({ ticketId: '0123456789abcdef', andIdentities: false }),
  Enroll: () => ({ secret: Buffer.alloc(0), proof: undefined, name: '' }),
  Explain: () => ({ from: '', permission: '', to: '' }),
  WatchAudit: () => ({ after: undefined, newest: 0 }),
  CreateNetwork: () => ({ name: '', sessionsMax: 0 }),
  ListNetworks: () => ({}),
  DropNetwork: () => ({ name: '' }),
};
/** Their names. */
export const TRIED = Object.keys(REQUESTS) as Tried[];

/** How a method is called. */
export function methodOf(name: Rpc): Method<object, object> & { readonly responseStream: boolean } {
  return SERVICES[`${name[0].toLowerCase()}${name.slice(1)}` as keyof typeof SERVICES] as never;
}
