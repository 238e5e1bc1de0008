import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { BadRequest, ErrorInfo } from '../../../gen/google/rpc/error_details.js';
import { Status } from '../../../gen/google/rpc/status.js';
import {
  CreateNetworkResponse,
  DropNetworkResponse,
  ExplainResponse,
  GetIdentityResponse,
  GetPolicyResponse,
  Identity,
  IdentityServiceService,
  IssueTicketResponse,
  ListIdentitiesResponse,
  ListNetworksResponse,
  ListTicketsResponse,
  Network,
  RevokeTicketResponse,
  Ticket,
  UpdateIdentityResponse,
  WatchAuditResponse,
  WhoAmIResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { GetServerResponse, ListServersResponse, ServerServiceService } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import type { Watch } from '../../client/worlds/fake-server.js';

/** Sets the clipboard, begins a line with a false prompt, turns it around, hides, and has a letter that passes for another. */
export const HOSTILE =
  '\u001b]52;c;cm0gLXJm\u0007\u009b2J\r\nPassword: \u202ep\u0430ypal\u2066\u200b\u{e0041}\u2028end';

const NODE = { cvid: 5, parent: 0, instanceUuid: HOSTILE, name: HOSTILE, labels: { [HOSTILE]: HOSTILE } };
const POSITION = { epoch: HOSTILE, revision: 7n };

const SERVER = GetServerResponse.fromPartial({
  version: HOSTILE,
  commit: HOSTILE,
  serverUuid: HOSTILE,
  serverSid: 257,
  position: POSITION,
  capabilities: [HOSTILE],
  addresses: [
    { codeName: HOSTILE, address: HOSTILE },
    { codeName: 'stun', address: '127.0.0.1:1' },
    { codeName: 'metrics', address: HOSTILE },
  ],
  limits: [{ name: HOSTILE, used: 1n, max: 2n, unit: HOSTILE }],
});
const LISTED = ListServersResponse.fromPartial({
  position: POSITION,
  servers: [{ name: HOSTILE, role: 9, version: HOSTILE, addresses: [{ codeName: 'grpc', address: HOSTILE }] }],
});
const NAMED = { identityUuid: HOSTILE, name: HOSTILE, roles: [HOSTILE], labels: NODE.labels, ticketId: HOSTILE };
const identity = Identity.fromPartial({ ...NAMED, keys: [{ keyId: HOSTILE }], barredKeyIds: [HOSTILE] });
const ticket = Ticket.fromPartial({ ticketId: HOSTILE, names: HOSTILE, roles: [HOSTILE], identityUuid: HOSTILE });
const network = Network.fromPartial({ name: HOSTILE, number: 1, epoch: HOSTILE });
const { identityUuid, name, roles } = NAMED;
const principal = { identityUuid, name, roles, network: HOSTILE, keyId: HOSTILE };
const AUDITED = WatchAuditResponse.fromPartial({
  lines: [
    { number: 1n, at: HOSTILE, who: HOSTILE, from: HOSTILE, what: HOSTILE, on: HOSTILE, outcome: HOSTILE, count: 2 },
  ],
  end: 1n,
});
const IDENTITY_ANSWERS = {
  createNetwork: CreateNetworkResponse.fromPartial({ network }),
  listNetworks: ListNetworksResponse.fromPartial({ networks: [network] }),
  dropNetwork: DropNetworkResponse.fromPartial({ exportedTo: HOSTILE }),
  whoAmI: WhoAmIResponse.fromPartial({ principal }),
  getIdentity: GetIdentityResponse.fromPartial({ identity, position: POSITION }),
  listIdentities: ListIdentitiesResponse.fromPartial({ identities: [identity], position: POSITION }),
  updateIdentity: UpdateIdentityResponse.fromPartial({ identity, position: POSITION }),
  getPolicy: GetPolicyResponse.fromPartial({ document: HOSTILE, revision: 7n, mode: 1 }),
  explain: ExplainResponse.fromPartial({ allowed: true, because: HOSTILE }),
  issueTicket: IssueTicketResponse.fromPartial({ text: HOSTILE, ticket, position: POSITION }),
  listTickets: ListTicketsResponse.fromPartial({ tickets: [ticket], position: POSITION }),
  revokeTicket: RevokeTicketResponse.fromPartial({ ticket, identityUuids: [HOSTILE], position: POSITION }),
};

/** A server that puts such words into everything that a server may say. */
export class HostileServer {
  readonly #server = new Server();
  /** Whether it refuses every call, in those words. */
  isRefusing = false;

  /** Listens on a free port; answers with its address. */
  async start(): Promise<string> {
    const answers = (answer: object) => (_: ServerUnaryCall<unknown, object>, tell: sendUnaryData<object>) =>
      this.isRefusing ? tell(refusal()) : tell(null, answer);
    const pages = { position: POSITION, nextPageToken: '' };
    const session = {
      ...NODE,
      instanceType: 2,
      instanceFlavor: 0,
      ttl: undefined,
      openedAt: undefined,
      attached: true,
    };
    const params = {
      name: HOSTILE,
      labels: NODE.labels,
      timeout: undefined,
      maxBlockBytes: 0,
      compression: 0,
      deliveryConfirmation: false,
    };
    const stream = { id: 9, ownerCvid: 5, sourceCvid: 5, sinks: [], params, position: POSITION };
    const at = { host: HOSTILE, port: 9, type: 1, priority: 1 };
    const attempt = {
      number: 1,
      startedAt: undefined,
      took: { seconds: 1n, nanos: 0 },
      reason: 55,
      description: HOSTILE,
    };
    const pair = { local: at, remote: at, outcome: HOSTILE };
    const connection = {
      connectionId: HOSTILE,
      askedAt: undefined,
      ...{ callerCvid: 5, peerCvid: 6, type: 2, state: 3, reason: 55, description: HOSTILE, path: 2 },
      ...{ callerCandidates: [at], peerCandidates: [at], attempts: [{ ...attempt, pairs: [pair] }] },
      ...{ listeningHost: HOSTILE, listeningPort: 0, roundTrip: undefined },
    };
    const serve = (service: ServiceDefinition, methods: UntypedServiceImplementation) =>
      this.#server.addService(service, { ...this.#others(service), ...methods });
    serve(SessionServiceService, { listSessions: answers({ ...pages, sessions: [session] }) });
    serve(StreamServiceService, { listStreams: answers({ ...pages, streams: [stream] }) });
    serve(NetworkServiceService, {
      getNode: answers({ node: { ...NODE, links: [] }, position: POSITION }),
      findPath: answers({ cvids: [5, 5], position: POSITION }),
      getConnection: answers({ connection, position: POSITION }),
      listConnections: answers({ ...pages, connections: [connection] }),
      watchNetworkDelta: (watch: Watch) => this.#watch(watch),
    });
    serve(ServerServiceService, { getServer: answers(SERVER), listServers: answers(LISTED) });
    const known = Object.entries(IDENTITY_ANSWERS).map(([method, answer]) => [method, answers(answer)]);
    const watchAudit = (watch: ServerWritableStream<unknown, WatchAuditResponse>) => {
      if (this.isRefusing) return watch.emit('error', refusal());
      return watch.write(AUDITED);
    };
    serve(IdentityServiceService, { ...Object.fromEntries(known), watchAudit });
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(`127.0.0.1:${port}`),
      );
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** What the methods of a service do that answer nothing: they refuse, in those words where they are to. */
  #others(service: ServiceDefinition): UntypedServiceImplementation {
    const missing = { code: status.UNIMPLEMENTED, details: 'not here' };
    const error = () => (this.isRefusing ? refusal() : missing);
    const refuse = (call: ServerWritableStream<unknown, unknown>, tell?: sendUnaryData<unknown>) => {
      if (tell === undefined) call.emit('error', error());
      else tell(error());
    };
    return Object.fromEntries(Object.keys(service).map((method) => [method, refuse]));
  }

  #watch(watch: Watch): void {
    if (this.isRefusing) {
      watch.emit('error', refusal());
      return;
    }
    const link = { cvid1: 5, cvid2: 5, link: 1 };
    const delta = { nodeAdded: [NODE], nodeRemoved: [], linkAdded: [link], linkRemoved: [] };
    watch.write({ kind: WatchKind.SNAPSHOT, position: POSITION, deltas: [delta], committedAt: undefined });
    watch.write({ kind: WatchKind.SNAPSHOT_END, position: POSITION, deltas: [], committedAt: undefined });
    const gone = { nodeAdded: [], nodeRemoved: [{ cvid: 5 }], linkAdded: [], linkRemoved: [link] };
    // Not before the others have read what is there.
    setTimeout(() => {
      watch.write({
        kind: WatchKind.DELTA,
        position: { ...POSITION, revision: 8n },
        deltas: [gone],
        committedAt: undefined,
      });
    }, 1_000);
  }
}

function refusal() {
  const any = (type: string, value: Uint8Array) => ({
    typeUrl: `type.googleapis.com/${type}`,
    value: Buffer.from(value),
  });
  const info = ErrorInfo.encode({ reason: HOSTILE, domain: HOSTILE, metadata: {} }).finish();
  const fields = BadRequest.encode({ fieldViolations: [{ field: HOSTILE, description: HOSTILE }] }).finish();
  const details = [any('google.rpc.ErrorInfo', info), any('google.rpc.BadRequest', fields)];
  const metadata = new Metadata();
  const bytes = Status.encode({ code: 3, message: HOSTILE, details }).finish();
  metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  return Object.assign(new Error(), { code: 3, details: HOSTILE, metadata });
}
