import { generateKeyPairSync } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transports } from '../../../gen/switchyard/v1/transport_service.js';
import { agent, ask, type Method, open, Reading, type Running } from '../../grpc/running.js';

/** What the requests of one sample are about. */
interface Scene {
  /** Sessions that live. */
  readonly sinks: readonly number[];
  /** Another one for each request. */
  readonly number: number;
}

/** How a message is sent to a server. */
export interface Way {
  // biome-ignore lint/suspicious/noExplicitAny: a table of methods
  readonly method: Method<any, unknown>;
  /** How many answers the method has. By default: one. */
  readonly kind?: 'watch' | 'duplex';
  /** As whom. By default: a session that was just opened. */
  readonly as?: 'session' | 'admin' | 'nobody';
  /** The request around some fields of the message. */
  readonly request: (fields: Readonly<Record<string, unknown>>, scene: Scene) => object;
  /** Where in the request the message stands. */
  readonly prefix?: string;
  /** What a request may come to here that has nothing wrong in it. */
  readonly passes: readonly string[];
}

/** Sends a request, and waits for the first answer. */
export async function send(at: Running, { method, kind }: Way, request: object, as = new Metadata()): Promise<void> {
  if (kind === undefined) return void (await ask(at, method, request, as));
  const { path, requestSerialize, responseDeserialize } = method;
  if (kind === 'watch') return first(open(at, method, request, as));
  const call = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, as);
  call.write(request);
  return first(new Reading(call));
}

async function first(reading: Reading<unknown>): Promise<void> {
  try {
    await reading.next();
  } finally {
    reading.call.cancel();
  }
}

const UUID = '6f1c7ad2-3b5e-4c8d-9f00-1a2b3c4d5e6f';
const P256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
// An address that the server observes, so that it may be of either type.
const CANDIDATE = { host: '127.0.0.1', port: 1, type: 1, priority: 0 };
const PARAMS = {
  name: '',
  timeout: undefined,
  maxBlockBytes: 0,
  compression: 0,
  deliveryConfirmation: false,
  labels: {},
};
const CONNECTION = {
  ...{ type: 1, port: 0, candidates: [], publicKey: Buffer.alloc(0), roundTrip: undefined },
  ...{ relayVersion: 0, connectionId: '', requestId: '', fallback: 0 },
};
const REPORT = { link: 1, state: 1, connectionId: '', path: 0, roundTrip: undefined, failed: false };
const DESCRIPTION = { identityUuid: UUID, kind: 1, roles: [], name: '', labels: {}, updateMask: ['*'] };
const TICKET = {
  ...{ kind: 0, roles: [], uses: 0, validFor: undefined, names: '', identityUuid: '', addresses: [] },
};
/** A proof of the right form, by nobody. */
const proof = (fields: Readonly<Record<string, unknown>>) => ({
  ...{ purpose: 1, nonce: Buffer.alloc(40), publicKey: P256, signature: Buffer.alloc(64), identityUuid: '' },
  bindingKind: (fields.binding as Buffer | undefined)?.length ? 1 : 0,
  binding: Buffer.alloc(fields.bindingKind === 1 ? 32 : 0),
  ...fields,
});
const CONNECTIONS = ['NOT_ATTACHED'];
const FOUND = ['OK', 'IDENTITY_NOT_FOUND'];

/** Different elements of lists that hold what is there, each of them right. */
export const ELEMENTS: Readonly<Record<string, (sinks: readonly number[], count: number) => readonly unknown[]>> = {
  'CreateStreamRequest.sink_cvids': (sinks, count) => sinks.slice(0, count),
  'DirectConnectionRequest.candidates': (_sinks, count) => Array(count).fill(CANDIDATE),
};

const SESSIONS: Readonly<Record<string, Way>> = {
  SessionRequest: {
    method: Sessions.session,
    as: 'nobody',
    request: (fields, { number }) => ({ ...agent(number), ...fields }),
    passes: ['OK'],
  },
  AnswerRequest: {
    method: Sessions.answer,
    request: (fields) => ({ orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0), ...fields }),
    passes: ['ORDER_NOT_FOUND'],
  },
  TerminateSessionRequest: {
    method: Sessions.terminateSession,
    request: (fields) => ({ cvid: 0, reason: '', ...fields }),
    passes: ['OK'],
  },
  GetSessionRequest: { method: Sessions.getSession, request: (fields) => fields, passes: ['OK'] },
  ListSessionsRequest: {
    method: Sessions.listSessions,
    request: (fields) => ({ pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '', ...fields }),
    passes: ['OK'],
  },
  WatchSessionsRequest: {
    method: Sessions.watchSessions,
    kind: 'watch',
    request: (fields) => ({ after: undefined, cvids: [], ...fields }),
    passes: ['OK'],
  },
};

const STREAMS: Readonly<Record<string, Way>> = {
  CreateStreamRequest: {
    method: Streams.createStream,
    request: (fields, { sinks }) => ({ params: undefined, sinkCvids: sinks.slice(0, 1), requestId: '', ...fields }),
    passes: ['OK'],
  },
  StreamParams: {
    method: Streams.createStream,
    request: (fields, { sinks }) => ({
      ...{ sinkCvids: sinks.slice(0, 1), requestId: '' },
      params: { ...PARAMS, ...fields },
    }),
    prefix: 'params.',
    passes: ['OK'],
  },
  UpdateStreamParamsRequest: {
    method: Streams.updateStreamParams,
    request: (fields) => ({ id: 1, params: PARAMS, updateMask: ['*'], ...fields }),
    passes: ['STREAM_NOT_FOUND'],
  },
  GetStreamRequest: { method: Streams.getStream, request: (fields) => fields, passes: ['STREAM_NOT_FOUND'] },
  ListStreamsRequest: {
    method: Streams.listStreams,
    request: (fields) => ({ pageSize: 0, pageToken: '', cvid: 0, ...fields }),
    passes: ['OK'],
  },
  TerminateStreamRequest: {
    method: Streams.terminateStream,
    request: (fields) => fields,
    passes: ['STREAM_NOT_FOUND'],
  },
  RelayOpen: {
    method: Streams.relay,
    kind: 'duplex',
    request: ({ blocks }) => ({
      open: { id: 1, blocks: blocks === undefined ? undefined : BigInt(blocks as number) },
      ...{ block: Buffer.alloc(0), confirmedBlocks: 0n },
    }),
    prefix: 'open.',
    passes: ['STREAM_NOT_FOUND'],
  },
};

const NETWORK: Readonly<Record<string, Way>> = {
  DirectConnectionRequest: {
    method: Network.directConnection,
    request: (fields, { sinks }) => ({ cvid: sinks[0], ...CONNECTION, ...fields }),
    passes: CONNECTIONS,
  },
  Candidate: {
    method: Network.directConnection,
    request: (fields, { sinks }) => ({
      ...{ cvid: sinks[0], ...CONNECTION },
      candidates: [{ ...CANDIDATE, ...fields }],
    }),
    prefix: 'candidates[0].',
    passes: CONNECTIONS,
  },
  ReportLinkRequest: {
    method: Network.reportLink,
    request: (fields, { sinks }) => ({ peerCvid: sinks[0], ...REPORT, ...fields }),
    // No node has the number 1; as a number it is right.
    passes: ['OK', 'NODE_NOT_FOUND'],
  },
  GetNodeRequest: { method: Network.getNode, request: (fields) => fields, passes: ['NODE_NOT_FOUND'] },
  FindPathRequest: {
    method: Network.findPath,
    request: (fields, { sinks }) => ({ fromCvid: sinks[0], toCvid: sinks[1], links: [], ...fields }),
    passes: ['OK', 'NODE_NOT_FOUND', 'PATH_NOT_FOUND'],
  },
  WatchNetworkDeltaRequest: {
    method: Network.watchNetworkDelta,
    kind: 'watch',
    request: (fields) => ({ after: undefined, coalesce: false, cvids: [], ...fields }),
    passes: ['OK'],
  },
  Position: {
    method: Network.watchNetworkDelta,
    kind: 'watch',
    request: (fields) => ({ after: { epoch: '', revision: 1n, ...fields }, coalesce: false, cvids: [] }),
    prefix: 'after.',
    passes: ['OK'],
  },
  WatchEndpointClosedRequest: {
    method: Network.watchEndpointClosed,
    kind: 'watch',
    request: (fields) => ({ after: undefined, cvids: [], ...fields }),
    passes: ['OK'],
  },
  ListConnectionsRequest: {
    method: Network.listConnections,
    request: (fields) => ({ pageSize: 0, pageToken: '', ...fields }),
    passes: ['OK'],
  },
  EnumerateTransportRequest: {
    method: Transports.enumerateTransport,
    request: (fields) => ({ encrypted: undefined, ...fields }),
    passes: ['OK'],
  },
};

const IDENTITIES: Readonly<Record<string, Way>> = {
  Proof: {
    method: Sessions.session,
    as: 'nobody',
    request: (fields, { number }) => ({ ...agent(number), proof: proof(fields) }),
    prefix: 'proof.',
    passes: ['PROOF_INVALID', 'CHALLENGE_EXPIRED', 'IDENTITY_MISMATCH'],
  },
  ChallengeRequest: {
    method: Identities.challenge,
    as: 'nobody',
    request: (fields) => ({ network: '', adminNonce: Buffer.alloc(32), adminBinding: undefined, ...fields }),
    passes: ['OK'],
  },
  GetIdentityRequest: { method: Identities.getIdentity, as: 'admin', request: (fields) => fields, passes: FOUND },
  ListIdentitiesRequest: {
    method: Identities.listIdentities,
    as: 'admin',
    request: (fields) => ({ pageToken: '', ...fields }),
    passes: ['OK'],
  },
  UpdateIdentityRequest: {
    method: Identities.updateIdentity,
    as: 'admin',
    // The kind is left out where the mask does not name it.
    request: (fields) => {
      const leavesKind = 'kind' in fields && fields.kind === undefined;
      return { ...DESCRIPTION, ...fields, ...(leavesKind && { kind: 0, updateMask: ['name'] }) };
    },
    passes: FOUND,
  },
  BindKeyRequest: {
    method: Identities.bindKey,
    as: 'admin',
    request: (fields) => ({ identityUuid: UUID, publicKey: P256, ...fields }),
    passes: ['OK'],
  },
  ForgetKeyRequest: { method: Identities.forgetKey, as: 'admin', request: (fields) => fields, passes: FOUND },
  RevokeIdentityRequest: {
    method: Identities.revokeIdentity,
    as: 'admin',
    request: (fields) => fields,
    passes: ['OK'],
  },
  PutPolicyRequest: {
    method: Identities.putPolicy,
    as: 'admin',
    request: (fields) => ({ validateOnly: true, ifRevision: undefined, ...fields }),
    passes: ['OK'],
  },
  ExplainRequest: {
    method: Identities.explain,
    as: 'admin',
    request: (fields) => ({ from: 'x', permission: 'graph.read', to: 'y', ...fields }),
    passes: ['IDENTITY_NOT_FOUND'],
  },
  IssueTicketRequest: {
    method: Identities.issueTicket,
    as: 'admin',
    request: (fields) => ({ ...TICKET, ...fields }),
    passes: ['OK'],
  },
  ListTicketsRequest: {
    method: Identities.listTickets,
    as: 'admin',
    request: (fields) => ({ pageToken: '', ...fields }),
    passes: ['OK'],
  },
  RevokeTicketRequest: {
    method: Identities.revokeTicket,
    as: 'admin',
    request: (fields) => ({ andIdentities: false, ...fields }),
    passes: ['TICKET_NOT_FOUND'],
  },
  EnrollRequest: {
    method: Identities.enroll,
    as: 'nobody',
    request: (fields) => ({ secret: Buffer.alloc(32), proof: proof({ identityUuid: UUID }), name: '', ...fields }),
    passes: ['TICKET_INVALID'],
  },
  WatchAuditRequest: {
    method: Identities.watchAudit,
    kind: 'watch',
    as: 'admin',
    request: (fields) => ({ after: undefined, ...fields }),
    passes: ['OK'],
  },
  CreateNetworkRequest: {
    method: Identities.createNetwork,
    as: 'admin',
    request: (fields, { number }) => ({ name: `n${number}`, sessionsMax: 0, ...fields }),
    passes: ['OK'],
  },
  DropNetworkRequest: {
    method: Identities.dropNetwork,
    as: 'admin',
    request: (fields) => fields,
    passes: ['OK', 'NETWORK_NOT_FOUND'],
  },
};

/** How each message of a request with bounded fields is sent. */
export const WAYS: Readonly<Record<string, Way>> = { ...SESSIONS, ...STREAMS, ...NETWORK, ...IDENTITIES };
