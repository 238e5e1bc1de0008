import { decodeBody, encodeBody, record } from './body.js';
import type { ByteWriter } from './bytes.js';
import { type EventType, event } from './event-type.js';
import { type Body, type Fields, optional, repeated, required, type Table } from './field.js';
import { Flaw } from './flaw.js';
import { blob, bool, id, text, u8, u16, u32, u64, uuid } from './kind.js';
import * as records from './records.js';

/**
 * Every type of event: the registry from which encoding, decoding, refusals and the document's tables come.
 *
 * Keys are the field numbers of the request and response messages in `switchyard.v1`. A number or key that was given
 * out keeps its meaning for ever.
 */
export const EVENTS = {
  EnumerateTransport: event(
    1,
    'EnumerateTransport',
    'C2S',
    true,
    {
      codeName: optional(1, text(32), 'Only the adapter with this code name. Absent: all.'),
      encrypted: optional(
        2,
        bool,
        'Only adapters that are encrypted (1), or only those that are not (0). Absent: all.',
      ),
    },
    { transports: repeated(1, record(records.Transport), 'The adapters, by code name.') },
  ),
  UpdateStreamParams: event(
    2,
    'UpdateStreamParams',
    'C2S',
    true,
    {
      id: required(1, id, 'The stream.'),
      params: required(2, record(records.StreamParams), 'The new values, and only of what should change.'),
      clearLabels: optional(10, bool, 'Take all labels away. Not together with labels in `params`. Absent: no.'),
    },
    { stream: required(1, record(records.Stream), 'The stream as it is now.') },
  ),
  CreateStream: event(
    3,
    'CreateStream',
    'C2S',
    true,
    {
      params: optional(1, record(records.StreamParams), 'How it should behave. Absent: all defaults.'),
      sinkCvids: repeated(2, id, 'The sinks, 1-64, each once, not the caller.'),
    },
    { stream: required(1, record(records.Stream), 'The stream, with the ids of its branches.') },
  ),
  TerminateStream: event(
    4,
    'TerminateStream',
    'C2S',
    true,
    { id: required(1, id, "The stream's id, not a branch's.") },
    { position: required(1, record(records.Position), 'The revision in which it went.') },
  ),
  TerminateSession: event(
    5,
    'TerminateSession',
    'both',
    true,
    {
      cvid: optional(1, id, "To the server: the session. Absent or 0: one's own; another's is refused."),
      reason: optional(10, text(1024), 'Why, for people.'),
    },
    { position: optional(1, record(records.Position), 'From the server: where the network stood.') },
  ),
  Answer: event(
    6,
    'Answer',
    'both',
    false,
    {
      code: required(1, u16, '0: success. Otherwise one of the codes under [Answers](#answers).'),
      description: optional(2, text(), 'The same for people.'),
      data: optional(3, blob(), 'What stands with the answered type: a body of its own.'),
      violations: repeated(4, record(records.Violation), 'With FIELD_INVALID: every wrong field.'),
      retryAfterMs: optional(5, u32, 'When asking again makes sense: after how long.'),
      offset: optional(6, u32, 'With a mistake in the bytes: where, counted from the first byte of the event.'),
      facts: repeated(7, record(records.Label), 'More for programs, as the ErrorInfo metadata of gRPC.'),
    },
    undefined,
  ),
  Session: event(
    16,
    'Session',
    'C2S',
    true,
    {
      instanceUuid: required(1, uuid, 'The instance.'),
      instanceType: required(2, u8, 'InstanceType: 2 AGENT, 3 CLIENT, 4 INSTALLER, 5-7 own use.'),
      instanceFlavor: optional(3, u8, 'InstanceFlavor, 0-31. Absent: 0.'),
      ttlMs: optional(10, u32, "How long it should live without being renewed. Absent or 0: the server's default."),
      name: optional(11, text(), 'What the instance calls itself.'),
      labels: repeated(12, record(records.Label), 'Facts for other programs.'),
      watch: optional(20, record(records.Watch), 'What to hear of from now on. Absent: nothing.'),
      network: optional(
        21,
        text(32),
        'The network. Absent: that of the last Challenge on this connection, or `default`.',
      ),
      proof: optional(23, record(records.Proof), 'A key of the instance. Needed once it has shown one.'),
    },
    {
      instanceSid: required(1, id, 'The SID of the new session.'),
      serverSid: required(2, id, 'The SID of the server.'),
      serverUuid: required(3, uuid, 'The UUID of the server.'),
      sessionToken: required(10, text(255), 'The secret that proves the session.'),
      ttlMs: required(11, u32, 'The TTL that the server granted.'),
      streamId: required(12, id, 'The stream that exists from the start.'),
      position: required(13, record(records.Position), "The revision in which the session's node entered the graph."),
      identity: optional(20, record(records.Principal), 'As whom it was opened. Absent: nothing was proved.'),
    },
  ),
  KeepAlive: event(
    17,
    'KeepAlive',
    'C2S',
    true,
    {
      sessionToken: optional(10, text(255), 'On a new connection: the session to go on with. Absent: the one of here.'),
      watch: optional(20, record(records.Watch), 'What to hear of from now on. Absent: as before.'),
      proof: optional(
        23,
        record(records.Proof),
        "A key of the session's instance, of purpose 3. Absent: none is shown.",
      ),
    },
    {
      ttlMs: required(1, u32, 'How long it lives from now, at least.'),
      position: required(2, record(records.Position), 'Where the network stands.'),
    },
  ),
  DirectConnection: event(
    18,
    'DirectConnection',
    'C2S',
    true,
    {
      cvid: required(1, id, 'The requested node.'),
      type: optional(2, u8, 'LinkType: 1 TRANSPORT_TCP, 2 TRANSPORT_UDP. Absent or 0: refused.'),
      port: optional(3, u16, 'A port on which the caller listens. Absent or 0: the server coordinates.'),
      candidates: repeated(10, record(records.Candidate), 'Where the caller may be reached.', records.CANDIDATES_MAX),
      publicKey: optional(11, blob(512), "The caller's public key, a DER SubjectPublicKeyInfo."),
      roundTripMs: optional(12, u32, 'The measured round trip to the rendezvous. Absent: not known.'),
      endorsement: optional(24, blob(256), "That a key of the caller's identity stands for that key."),
    },
    { request: required(1, record(records.Connection), "The caller's own part of the connection.") },
  ),
  StopStream: event(
    19,
    'StopStream',
    'C2S',
    true,
    {
      id: required(1, id, 'The stream, or branch, to stop.'),
      validateOnly: optional(10, bool, 'Change nothing; answer with what would stop. Absent: no.'),
    },
    {
      result: required(1, u8, '0 OK, 1 INVALID: no such stream, or not yours.'),
      stoppedIds: repeated(10, id, 'Everything that stopped, or would stop, ascending.'),
    },
  ),
  Challenge: event(
    20,
    'Challenge',
    'C2S',
    true,
    { network: optional(1, text(32), 'The network. Absent or empty: `default`.') },
    {
      nonce: required(1, blob(40, 40), 'For the signed bytes of proofs.'),
      serverUuid: required(2, uuid, 'The server, for the same.'),
      mode: required(3, u8, 'AuthMode: 1 OPEN.'),
      epoch: required(4, text(32), "The journal's epoch."),
      serverTimeMs: required(5, u64, "The server's time, in milliseconds since 1970."),
      validForMs: required(6, u32, 'How long the nonce is good.'),
    },
  ),
  Enroll: event(
    21,
    'Enroll',
    'C2S',
    true,
    {
      secret: required(1, blob(32, 32), "The ticket's secret: its text has it, see IssueTicket in identity.proto."),
      proof: required(
        2,
        record(records.Proof),
        'By the key that the identity is to have, of purpose 2, with its identity.',
      ),
      name: optional(3, text(63), 'What the identity is to be called. Absent: nothing, or what it is called.'),
    },
    {
      identityUuid: required(1, uuid, 'The identity, which has the key now.'),
      roles: repeated(2, text(32), 'What it may do.', 8),
      name: optional(3, text(63), 'What it is called. Absent: nothing.'),
      position: required(4, record(records.Position), 'The position at which that is so.'),
    },
  ),
  RotateKey: event(
    22,
    'RotateKey',
    'C2S',
    true,
    {
      oldProof: required(1, record(records.Proof), 'By a key that the identity has, of purpose 4, with its identity.'),
      newProof: required(2, record(records.Proof), 'By the new key, of the same identity and purpose.'),
    },
    {
      keyId: required(1, text(64), 'SHA-256 of the new key, in hexadecimal digits.'),
      position: required(2, record(records.Position), 'The revision in which the identity got it.'),
      overlapMs: required(3, u32, 'How long the older keys are good from now on.'),
    },
  ),
  Open: event(
    24,
    'Open',
    'C2S',
    true,
    { id: optional(1, id, 'The branch whose data is wanted. Absent or 0: every one of the session, now and later.') },
    { stream: optional(1, record(records.Stream), 'The stream that the branch is of. Absent: all were asked for.') },
  ),
  NetworkDelta: event(
    32,
    'NetworkDelta',
    'S2C',
    false,
    {
      nodeAdded: repeated(1, record(records.NodeAdded), 'Nodes that came.'),
      nodeRemoved: repeated(2, record(records.NodeRemoved), 'Nodes that went.'),
      linkAdded: repeated(3, record(records.LinkAdded), 'Links that came.'),
      linkRemoved: repeated(4, record(records.LinkRemoved), 'Links that went.'),
      kind: required(10, u8, '1 SNAPSHOT, 2 SNAPSHOT_END, 3 DELTA, 4 BOOKMARK, 5 RESET.'),
      position: required(11, record(records.Position), 'Where the network stands after it.'),
      more: optional(12, bool, 'The revision goes on in the next NetworkDelta; apply them together. Absent: no.'),
    },
    undefined,
  ),
  EndpointClosed: event(
    33,
    'EndpointClosed',
    'S2C',
    false,
    {
      cvid: required(1, id, 'The node that has lost its connection.'),
      reason: optional(10, u8, 'CloseReason: 1 SUPERSEDED, 2 TERMINATED, 3 EXPIRED, 4 SERVER_LOST, 5 REVOKED.'),
      position: required(11, record(records.Position), 'The revision in which it went.'),
      instanceUuid: optional(12, uuid, 'The instance behind it.'),
      name: optional(13, text(), 'What the instance called itself. Absent: nothing.'),
    },
    undefined,
  ),
  Connection: event(34, 'Connection', 'S2C', true, records.Connection.fields, {
    candidates: repeated(1, record(records.Candidate), 'To role gather: where this end may be reached.', 16),
    publicKey: optional(2, blob(512), "To role gather: this end's public key."),
    roundTripMs: optional(3, u32, 'To roles gather and punch: the measured round trip to the rendezvous.'),
    endorsement: optional(5, blob(256), "To role gather: that a key of this end's identity stands for that key."),
    connected: optional(10, bool, 'To roles punch: whether a path came of the attempt. Absent: no.'),
    tookMs: optional(11, u32, 'To roles punch: how long the attempt took.'),
  }),
  StreamStopped: event(
    35,
    'StreamStopped',
    'S2C',
    false,
    {
      id: required(1, id, "The stream's id or, for a branch, the branch's."),
      reason: optional(2, u8, 'StopReason: 1 STOPPED, 2 TERMINATED, 3 IDLE, 4 SESSION_CLOSED, 5 SINK_TOO_SLOW.'),
      by: optional(3, id, 'The session that stopped it. Absent or 0: the server or an administrator.'),
    },
    undefined,
  ),
} as const;

/** The name of a type. */
export type EventName = keyof typeof EVENTS;

/** The body of an event of that type. */
export type EventBody<N extends EventName> = (typeof EVENTS)[N]['table'] extends Table<infer F> ? Body<F> : never;

/** The data of a successful Answer to an event of that type. */
export type AnswerData<N extends EventName> =
  (typeof EVENTS)[N]['answerTable'] extends Table<infer F> ? Body<F> : never;

/** A system event: what is meant, free of how it travels. */
export type SystemEvent = { [N in EventName]: { readonly type: N; readonly body: EventBody<N> } }[EventName];

const BY_NUMBER = new Array<{ readonly name: EventName; readonly type: EventType } | undefined>(256).fill(undefined);
for (const [name, type] of Object.entries(EVENTS) as [EventName, EventType][]) BY_NUMBER[type.number] = { name, type };

/**
 * Reads an event that fills `bytes`: `type 1 B | body`.
 *
 * Total, as {@link decodeBody} is. An event of the wrong category is refused before its body is looked at, so that each
 * side holds only code for what it handles.
 */
export function decodeEvent(bytes: Uint8Array, receiver: 'server' | 'client'): SystemEvent | Flaw {
  if (bytes.length === 0) return new Flaw('EVENT_TRUNCATED', 0, 'an event begins with its type');
  const known = BY_NUMBER[bytes[0]];
  if (known === undefined) return new Flaw('EVENT_TYPE_UNKNOWN', 0, `type ${bytes[0]} is unknown`);
  const { name, type } = known;
  if (type.category === (receiver === 'server' ? 'S2C' : 'C2S')) {
    const handler = receiver === 'server' ? 'clients' : 'servers';
    return new Flaw('EVENT_CATEGORY_WRONG', 0, `${name} is for ${handler}`);
  }
  const body = decodeBody(type.table, bytes, 1);
  return body instanceof Flaw ? body : ({ type: name, body } as SystemEvent);
}

/**
 * Appends an event. Throws a RangeError for a value that its field cannot hold: that is the caller's mistake, and the writer is
 * left as it was.
 */
export function encodeEvent(writer: ByteWriter, event: SystemEvent): void {
  const { number, table } = EVENTS[event.type] as EventType;
  writer.whole(() => {
    writer.u8(number);
    encodeBody(table, writer, event.body as Body<Fields>);
  });
}
