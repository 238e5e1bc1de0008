import { record } from './body.js';
import { optional, repeated, required, Table } from './field.js';
import { blob, bool, id, text, u8, u16, u32, u64, uuid } from './kind.js';

/*
 * The structures that stand in cells of events and answers. Keys are the field numbers of the message of the same name
 * in `switchyard.v1`; a Duration there is a number of milliseconds here, a map is a repeated Label.
 *
 * The bounds are those of the wire, which no configuration changes. What a server may set for itself (how many labels,
 * how long a name, how many streams) it checks by itself, and its Answer lists every violation.
 */

/** One entry of a map. */
export const Label = new Table('Label', {
  key: required(1, text(), 'The key, once among the labels of one thing.'),
  value: required(2, text(), 'The value. May be empty.'),
});

/** Where the network stands. */
export const Position = new Table('Position', {
  epoch: required(1, text(32), 'Names the journal.'),
  revision: required(2, u64, 'How many commands the journal holds up to here.'),
});

/** That the sender has a key of an identity: what is signed stands with Proof in identity.proto. */
export const Proof = new Table('Proof', {
  purpose: required(1, u8, 'ProofPurpose: 1 session, 3 attach, 4 rotate.'),
  nonce: required(2, blob(40, 40), 'From Challenge.'),
  publicKey: required(3, blob(91, 44), 'The key, a DER SubjectPublicKeyInfo of Ed25519 or P-256.'),
  signature: required(4, blob(72, 1), 'Ed25519: 64 bytes. P-256: ECDSA with SHA-256, DER.'),
  bindingKind: optional(5, u8, '1: bound to the leaf certificate. Absent or 0: not bound.'),
  binding: optional(6, blob(32, 32), 'With kind 1: SHA-256 of the SubjectPublicKeyInfo of the leaf that was seen.'),
  identityUuid: optional(7, uuid, "Whose key it is. Absent: the instance's own."),
});

/** As whom a session was opened. */
export const Principal = new Table('Principal', {
  network: required(1, text(32), 'The network.'),
  identityUuid: required(2, uuid, 'The identity.'),
  kind: required(3, u8, 'IdentityKind: 1 INSTANCE.'),
  keyId: required(4, text(64), 'SHA-256 of its key, in hexadecimal digits.'),
});

/** A node came. */
export const NodeAdded = new Table('NodeAdded', {
  cvid: required(1, id, "The node: a session's SID or a server's."),
  parent: optional(2, id, 'The SID of the server that holds the session. Absent or 0: it is a server.'),
  instanceUuid: optional(10, uuid, 'The instance behind the node.'),
  name: optional(11, text(), 'What the instance calls itself.'),
  labels: repeated(12, record(Label), 'The labels that the session was opened with.'),
});

/** A node went. */
export const NodeRemoved = new Table('NodeRemoved', {
  cvid: required(1, id, 'The node that went.'),
});

/** A link came. */
export const LinkAdded = new Table('LinkAdded', {
  cvid1: required(1, id, 'One end.'),
  cvid2: required(2, id, 'The other end.'),
  link: optional(3, u8, 'LinkType: 0 CONTROL_TCP, 1 TRANSPORT_TCP, 2 TRANSPORT_UDP. Absent: 0.'),
});

/** A link went. */
export const LinkRemoved = new Table('LinkRemoved', {
  cvid1: required(1, id, 'One end.'),
  cvid2: required(2, id, 'The other end.'),
  link: optional(10, u8, 'Which of the links between the two. Absent: all of them.'),
});

/** How a stream behaves. In UpdateStreamParams only what should change is there. */
export const StreamParams = new Table('StreamParams', {
  name: optional(1, text(), 'For people.'),
  timeoutMs: optional(2, u32, 'After how long without data the stream stops by itself. 0: never.'),
  maxBlockBytes: optional(3, u32, 'The largest block of data that may be sent. 0: 65,536.'),
  compression: optional(4, u8, '0 none, 1 zlib (RFC 1950).'),
  deliveryConfirmation: optional(5, bool, 'Whether each block is confirmed.'),
  labels: repeated(6, record(Label), 'Facts for other programs. Replaced as a whole.'),
});

/** One branch of a stream. */
export const StreamSink = new Table('StreamSink', {
  cvid: required(1, id, 'The session that data goes to.'),
  id: required(2, id, "The branch's own id."),
});

/** A registered flow from one source to its sinks. */
export const Stream = new Table('Stream', {
  id: required(1, id, "The stream's id, which is also its source's."),
  ownerCvid: required(2, id, 'The session that created it.'),
  sourceCvid: required(3, id, 'The session that data comes from.'),
  sinks: repeated(4, record(StreamSink), 'The branches, in the order of `sink_cvids`.'),
  params: required(5, record(StreamParams), 'How it behaves.'),
  position: required(6, record(Position), 'The revision of its last change.'),
});

/** As many as all grants of a policy may have. */
const PORT_RANGES_MAX = 1_024;

/** How many candidates of one end are taken. */
export const CANDIDATES_MAX = 16;

/** An address at which an instance may be reached. */
export const Candidate = new Table('Candidate', {
  host: required(1, text(45), 'An IP address, v4 or v6, without brackets.'),
  port: required(2, u16, '1-65535.'),
  type: required(3, u8, '1 host, 2 reflexive, 3 relay.'),
  priority: optional(4, u32, 'The higher the sooner it is tried (RFC 8445, section 5.1.2). Absent: 0.'),
});

/** Where the server tells reflexive addresses: STUN Binding (RFC 8489) over UDP and TCP. */
export const RendezvousAddress = new Table('RendezvousAddress', {
  host: optional(1, text(255), 'A name or an IP address. Absent: the host at which the client reaches the server.'),
  port: required(2, u16, '1-65535.'),
});

/** Ports from one to another. */
export const PortRange = new Table('PortRange', {
  first: required(1, u16, '1-65535.'),
  last: required(2, u16, 'The same or higher, included.'),
});

/** Ports, ascending and apart from each other. */
export const PortRanges = new Table('PortRanges', {
  ranges: repeated(1, record(PortRange), 'The ports. None: no port.', PORT_RANGES_MAX),
});

/** Whom the session at the other end of a connection has proved to be. */
export const ConnectionPeer = new Table('ConnectionPeer', {
  network: required(1, text(32), 'The network.'),
  identityUuid: required(2, uuid, 'The identity.'),
  roles: repeated(3, text(32), 'What it may do, as an administrator or a ticket said.', 8),
  keyId: required(4, text(64), 'SHA-256 of its key, in hexadecimal digits.'),
  labels: repeated(5, record(Label), 'What an administrator or a ticket says of it, never what it says of itself.', 16),
  ports: optional(
    6,
    record(PortRanges),
    'To the end that was asked: which of its ports the policy lets the peer reach. It has to refuse others. Absent: all.',
  ),
});

/** The order to establish a direct connection, and what the caller of DirectConnection is answered. */
export const Connection = new Table('Connection', {
  host: optional(1, text(45), 'Where to dial. Absent: the candidates say it all.'),
  port: optional(2, u16, 'The port to dial.'),
  type: optional(3, u8, 'LinkType. Absent: 0, CONTROL_TCP.'),
  connectionId: required(10, text(64), 'Names the connection, the same at both ends.'),
  peerCvid: required(11, id, 'The node at the other end.'),
  role: required(12, u8, '1 dial, 2 listen, 3 gather, 4 punch and control, 5 punch, 6 relay.'),
  candidates: repeated(
    13,
    record(Candidate),
    'Where the peer may be reached, the most preferred first.',
    2 * CANDIDATES_MAX,
  ),
  startAfterMs: optional(14, u32, 'When to begin, counted from the arrival of this event. Absent: at once.'),
  nonce: optional(15, blob(16, 16), 'What both ends show each other in their checks.'),
  peerPublicKey: optional(16, blob(512), "The peer's public key, a DER SubjectPublicKeyInfo."),
  attempt: optional(17, u8, 'Which attempt this is, from 1. Absent: 0, none yet.'),
  relayStreamId: optional(18, id, 'To role relay: the stream to send into.'),
  rendezvous: repeated(19, record(RendezvousAddress), 'To role gather: where to learn the own reflexive address.', 8),
  relayBranchId: optional(20, id, 'To role relay: the branch that brings what the peer sends.'),
  peer: optional(30, record(ConnectionPeer), 'Whom the peer has proved to be. Absent: it has proved nothing.'),
  peerEndorsement: optional(31, blob(256), "That a key of the peer's identity stands for its public key."),
});

/** One transport adapter of the server. */
export const Transport = new Table('Transport', {
  codeName: required(1, text(32), '`grpc`, `tcp`, `tls`, `ws`, `wss` or `exchange`.'),
  addresses: repeated(2, text(), 'Where it listens, as HOST:PORT.'),
  maxBlockBytes: required(3, u32, 'The largest packet it takes.'),
  encrypted: required(4, bool, 'Whether it is encrypted.'),
});

/** What a client wants to hear of by itself. */
export const Watch = new Table('Watch', {
  deltas: optional(1, bool, 'Send NetworkDelta. Absent: no.'),
  endpointsClosed: optional(2, bool, 'Send EndpointClosed. Absent: no.'),
  after: optional(
    3,
    record(Position),
    'The last position received, to go on from there. Absent: begin with a snapshot.',
  ),
  coalesce: optional(4, bool, 'When too much was missed, the net effect instead of an end. Absent: no.'),
  cvids: repeated(5, id, 'Only what touches these nodes. None: everything.', 1024),
});

/** One wrong field of a request. */
export const Violation = new Table('Violation', {
  field: required(1, text(), 'Which, with its path: `params.max_block_bytes`, `labels["a b"]`, `sink_cvids[1]`.'),
  description: required(2, text(), 'What is allowed there.'),
});
