import { AUDIT_MESSAGE, type AuditMessage, WATCH_AUDIT } from '../wire/audit-messages.js';
import type { Schema } from '../wire/codec.js';
import { CONNECTION_PAGE, type ConnectionPage } from '../wire/connection-messages.js';
import * as wire from '../wire/messages.js';
import * as trust from '../wire/trust-messages.js';

/** A method of the services: where it is, and the messages of it that the page knows. */
export interface Method<Answer> {
  readonly path: string;
  readonly request: Schema;
  readonly answer: Schema;
  /** Only for the types. */
  readonly is?: Answer;
}

function method<Answer>(path: string, request: Schema, answer: Schema): Method<Answer> {
  return { path: `/switchyard.v1.${path}`, request, answer };
}

/** Every method that the page calls. */
export const METHODS = {
  watchNetwork: method<wire.NetworkMessage>(
    'NetworkService/WatchNetworkDelta',
    wire.WATCH_NETWORK,
    wire.NETWORK_MESSAGE,
  ),
  watchClosed: method<wire.ClosedMessage>('NetworkService/WatchEndpointClosed', wire.WATCH_CLOSED, wire.CLOSED_MESSAGE),
  listSessions: method<wire.SessionPage>('SessionService/ListSessions', wire.LIST, wire.SESSION_PAGE),
  listStreams: method<wire.StreamPage>('StreamService/ListStreams', wire.LIST, wire.STREAM_PAGE),
  listConnections: method<ConnectionPage>('NetworkService/ListConnections', wire.LIST, CONNECTION_PAGE),
  getServer: method<wire.ServerFacts>('ServerService/GetServer', wire.EMPTY, wire.SERVER_FACTS),
  listServers: method<wire.ServerList>('ServerService/ListServers', wire.EMPTY, wire.SERVER_LIST),
  listNetworks: method<wire.NetworkList>('IdentityService/ListNetworks', wire.EMPTY, wire.NETWORK_LIST),
  findPath: method<wire.Path>('NetworkService/FindPath', wire.FIND_PATH, wire.PATH),
  stopStream: method<wire.StreamStops>('StreamService/StopStream', wire.STOP_STREAM, wire.STREAM_STOPS),
  watchAudit: method<AuditMessage>('IdentityService/WatchAudit', WATCH_AUDIT, AUDIT_MESSAGE),
  listIdentities: method<trust.IdentityPage>('IdentityService/ListIdentities', wire.LIST, trust.IDENTITY_PAGE),
  revokeIdentity: method<object>('IdentityService/RevokeIdentity', trust.REVOKE_IDENTITY, wire.EMPTY),
  listTickets: method<trust.TicketPage>('IdentityService/ListTickets', wire.LIST, trust.TICKET_PAGE),
  issueTicket: method<trust.IssuedTicket>('IdentityService/IssueTicket', trust.ISSUE_TICKET, trust.ISSUED_TICKET),
  revokeTicket: method<trust.RevokedTicket>('IdentityService/RevokeTicket', trust.REVOKE_TICKET, trust.REVOKED_TICKET),
  getPolicy: method<trust.PolicyFacts>('IdentityService/GetPolicy', wire.EMPTY, trust.POLICY_FACTS),
  terminateSession: method<object>('SessionService/TerminateSession', wire.TERMINATE_SESSION, wire.EMPTY),
} as const;
