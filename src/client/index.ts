/**
 * The TypeScript client of Switchyard, exported as `switchyard/client`.
 *
 * {@link Switchyard} is a server as an observer sees it; `join` makes an {@link Instance} that stays on the network;
 * `watchNetwork` makes a {@link Network}, a replica of the graph that keeps itself up to date. docs/client.md has a
 * worked example of each.
 *
 * Messages are those of the protos, under their own names; times that go in are milliseconds.
 */
export {
  type CandidatePair,
  Connection,
  type ConnectionAttempt,
  ConnectionRecord,
  ConnectionRole,
  ConnectionState,
  PathKind,
} from '../../gen/switchyard/v1/connection.js';
export { Reason } from '../../gen/switchyard/v1/error.js';
export {
  type AuditLine,
  AuthMode,
  type Identity,
  type IdentityKey,
  IdentityKind,
  KeyOrigin,
  type Network as ServerNetwork,
  type Principal,
  type Ticket,
  type WhoAmIResponse,
} from '../../gen/switchyard/v1/identity.js';
export { InstanceFlavor, InstanceType } from '../../gen/switchyard/v1/instance.js';
export { LinkType } from '../../gen/switchyard/v1/link.js';
export {
  CloseReason,
  type EndpointClosed,
  type NetworkDelta,
  type Node,
  WatchKind,
} from '../../gen/switchyard/v1/network.js';
export {
  LinkState,
  type WatchConnectionsResponse,
  type WatchEndpointClosedResponse,
  type WatchNetworkDeltaResponse,
} from '../../gen/switchyard/v1/network_service.js';
export type { Position } from '../../gen/switchyard/v1/position.js';
export {
  type GetServerResponse,
  type ListServersResponse,
  type Server,
  type ServerAddress,
  type ServerLimit,
  ServerRole,
} from '../../gen/switchyard/v1/server.js';
export { type Session, StopReason, type StreamStopped } from '../../gen/switchyard/v1/session.js';
export type { SessionChange, WatchSessionsResponse } from '../../gen/switchyard/v1/session_service.js';
export { Compression, type Stream } from '../../gen/switchyard/v1/stream.js';
export {
  StopStreamResponse_Result as StopResult,
  type WatchStreamsResponse,
} from '../../gen/switchyard/v1/stream_service.js';
export type { Clock, Random, Timer } from '../base/clock.js';
export type { Span, SpanAttributes, SpanKind, SpanStart, Tracer } from '../tracing/tracer.js';
export type { Endorsement } from '../trust/endorsement.js';
export { formatPin, parsePin } from '../trust/pin.js';
export { SigningKey } from '../trust/signing-key.js';
export { decodeTicket, type TicketContent, TicketTextError } from '../trust/ticket.js';
export type { CallOptions } from './channel/call.js';
export type { EndpointWatchOptions, ListOptions, NetworkWatchOptions } from './channel/calls.js';
export type { Call, Channel, Method } from './channel/channel.js';
export { GrpcChannel, type TlsOptions } from './channel/grpc-channel.js';
export type { ToldPins } from './channel/known-pins.js';
export { findPinnedRoot, PinMismatchError } from './channel/pinned-root.js';
export type { ConnectOptions } from './connection/connect-options.js';
export { UnendorsedPeerError } from './connection/peer-key-check.js';
export type { PathFacts, PeerFacts, PeerStream } from './connection/peer-stream.js';
export { durationOf, msOf } from './duration.js';
export type { Unsubscribe } from './emitter.js';
export { type CallStatus, type FieldViolation, SwitchyardError } from './error.js';
export { Graph, type GraphChange, type GraphLink, type GraphNode, type GraphView } from './graph.js';
export type { Instance } from './instance/instance.js';
export type { InstanceEvents } from './instance/instance-events.js';
export type { InstanceOptions } from './instance/instance-options.js';
export type { State } from './instance/lifecycle.js';
export {
  type Acceptance,
  type ConnectionOffer,
  mayReachPort,
  type OrderHandlers,
  type ReasonName,
  Refusal,
  type VerifiedPeer,
} from './instance/orders.js';
export type { OwnSession } from './instance/own-session.js';
export type { LinkDetails } from './instance/session-calls.js';
export type { Network, NetworkEvents, NetworkOptions } from './network.js';
export { type RelayOptions, RelaySink, RelaySource } from './relay/relay.js';
export type { StreamSettings } from './relay/stream-settings.js';
export { StatusCode } from './status.js';
export { Switchyard, type SwitchyardOptions } from './switchyard.js';
export { UnprovenServerError } from './trust/admin-proof.js';
export type { BearerSource } from './trust/bearer-token.js';
export {
  type Enrolment,
  Identities,
  type IdentityDescription,
  type PutPolicyOptions,
  type RotateOptions,
  type TicketSettings,
} from './trust/identities.js';
export { ensureKey, ensureUuid, type KeptKeyPlace, keptKeyPath, readKey, replaceKey } from './trust/kept-key.js';
export type { WatchOptions } from './watch.js';
