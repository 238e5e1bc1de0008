import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AUDIT_MESSAGE, WATCH_AUDIT } from '../../console/src/wire/audit-messages.js';
import { decode, encode, type Field, type Kind, type Schema } from '../../console/src/wire/codec.js';
import { CONNECTION_PAGE } from '../../console/src/wire/connection-messages.js';
import * as wire from '../../console/src/wire/messages.js';
import * as trust from '../../console/src/wire/trust-messages.js';
import { ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import * as identity from '../../gen/switchyard/v1/identity.js';
import * as network from '../../gen/switchyard/v1/network_service.js';
import { GetServerResponse, ListServersResponse } from '../../gen/switchyard/v1/server.js';
import * as session from '../../gen/switchyard/v1/session_service.js';
import * as stream from '../../gen/switchyard/v1/stream_service.js';

/** A generated message, as far as it is needed here. */
interface Generated {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  fromPartial(part: never): unknown;
}

/** What the page reads, beside the generated code for it. */
const READ: Readonly<Record<string, readonly [Schema, Generated]>> = {
  WatchNetworkDeltaResponse: [wire.NETWORK_MESSAGE, network.WatchNetworkDeltaResponse],
  WatchEndpointClosedResponse: [wire.CLOSED_MESSAGE, network.WatchEndpointClosedResponse],
  ListConnectionsResponse: [CONNECTION_PAGE, network.ListConnectionsResponse],
  FindPathResponse: [wire.PATH, network.FindPathResponse],
  ListSessionsResponse: [wire.SESSION_PAGE, session.ListSessionsResponse],
  ListStreamsResponse: [wire.STREAM_PAGE, stream.ListStreamsResponse],
  StopStreamResponse: [wire.STREAM_STOPS, stream.StopStreamResponse],
  GetServerResponse: [wire.SERVER_FACTS, GetServerResponse],
  WatchAuditResponse: [AUDIT_MESSAGE, identity.WatchAuditResponse],
  ListServersResponse: [wire.SERVER_LIST, ListServersResponse],
  ListNetworksResponse: [wire.NETWORK_LIST, identity.ListNetworksResponse],
  ListIdentitiesResponse: [trust.IDENTITY_PAGE, identity.ListIdentitiesResponse],
  ListTicketsResponse: [trust.TICKET_PAGE, identity.ListTicketsResponse],
  IssueTicketResponse: [trust.ISSUED_TICKET, identity.IssueTicketResponse],
  RevokeTicketResponse: [trust.REVOKED_TICKET, identity.RevokeTicketResponse],
  GetPolicyResponse: [trust.POLICY_FACTS, identity.GetPolicyResponse],
  Status: [wire.STATUS, Status],
  ErrorInfo: [wire.ERROR_INFO, ErrorInfo],
  RetryInfo: [wire.RETRY_INFO, RetryInfo],
};
/** What it writes. */
const WRITTEN: Readonly<Record<string, readonly [Schema, Generated]>> = {
  WatchNetworkDeltaRequest: [wire.WATCH_NETWORK, network.WatchNetworkDeltaRequest],
  WatchEndpointClosedRequest: [wire.WATCH_CLOSED, network.WatchEndpointClosedRequest],
  ListSessionsRequest: [wire.LIST, session.ListSessionsRequest],
  ListStreamsRequest: [wire.LIST, stream.ListStreamsRequest],
  ListConnectionsRequest: [wire.LIST, network.ListConnectionsRequest],
  FindPathRequest: [wire.FIND_PATH, network.FindPathRequest],
  TerminateSessionRequest: [wire.TERMINATE_SESSION, session.TerminateSessionRequest],
  StopStreamRequest: [wire.STOP_STREAM, stream.StopStreamRequest],
  WatchAuditRequest: [WATCH_AUDIT, identity.WatchAuditRequest],
  IssueTicketRequest: [trust.ISSUE_TICKET, identity.IssueTicketRequest],
  RevokeTicketRequest: [trust.REVOKE_TICKET, identity.RevokeTicketRequest],
  RevokeIdentityRequest: [trust.REVOKE_IDENTITY, identity.RevokeIdentityRequest],
};
/** Fields that the API does not have yet in this tree: what other servers may send. */
const LATER: ReadonlySet<string> = new Set(['instanceUuid', 'name']);
/** Fields that are a Timestamp, which the generated code makes a Date of. */
const TIMESTAMPS: ReadonlySet<string> = new Set(['openedAt', 'askedAt', 'startedAt', 'snapshotAt', 'expiresAt']);

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const SCALARS = {
  int32: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  uint32: fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  uint64: fc.oneof(fc.nat(200), fc.nat(Number.MAX_SAFE_INTEGER)),
  bool: fc.boolean(),
  string: text,
  bytes: fc.uint8Array({ maxLength: 12 }),
} as const;
const TIME = fc.record({ seconds: fc.nat(2 ** 32), nanos: fc.nat(999).map((ms) => ms * 1_000_000) });

function arbitraryOf(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.values(schema as Record<string, Field>);
  const entries = fields.map(([name, kind, isRepeated]) => {
    const one = arbitraryOfKind(kind);
    if (isRepeated) return [name, fc.array(one, { maxLength: 3 })] as const;
    return [name, typeof kind === 'string' ? one : fc.option(one, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

function arbitraryOfKind(kind: Kind): fc.Arbitrary<unknown> {
  // Keys as hostile as they come.
  if (kind === 'map')
    return fc.array(fc.tuple(fc.oneof(text, fc.constant('__proto__')), text)).map((all) => new Map(all));
  if (typeof kind === 'string') return SCALARS[kind];
  return kind === wire.TIME ? TIME : arbitraryOf(kind);
}

/** The same as the generated code wants it. */
function partOf(schema: Schema, message: Record<string, unknown>): Record<string, unknown> {
  const fields = Object.values(schema as Record<string, Field>);
  const entries = fields.map(([name, kind]) => {
    const convert = (value: unknown): unknown => {
      if (value === undefined) return undefined;
      if (kind === 'uint64') return BigInt(value as number);
      if (kind === 'bytes') return Buffer.from(value as Uint8Array);
      if (kind === 'map') return Object.assign(Object.create(null), fromEntries(value as Map<string, string>));
      if (typeof kind === 'string') return value;
      if (kind !== wire.TIME) return partOf(kind, value as Record<string, unknown>);
      const { seconds, nanos } = value as wire.Time;
      if (TIMESTAMPS.has(name)) return new Date(seconds * 1_000 + nanos / 1e6);
      return { seconds: BigInt(seconds), nanos };
    };
    const value = message[name];
    return [name, Array.isArray(value) ? value.map(convert) : convert(value)];
  });
  return Object.fromEntries(entries);
}

function fromEntries(map: Map<string, string>): object {
  const bare = Object.create(null);
  for (const [key, value] of map) bare[key] = value;
  return bare;
}

/** Numbers of fields that a generated message does not write. */
function withoutLater(schema: Schema, message: Record<string, unknown>): Record<string, unknown> {
  if (schema !== wire.CLOSED_MESSAGE) return message;
  const closed = message.endpointClosed as Record<string, unknown> | undefined;
  const bare = closed && { ...closed, ...Object.fromEntries([...LATER].map((name) => [name, ''])) };
  return { ...message, endpointClosed: bare };
}

describe("the page's decoder", () => {
  it.each(Object.entries(READ))('reads %s as the generated code wrote it', (_name, [schema, generated]) => {
    fc.assert(
      fc.property(arbitraryOf(schema), (drawn) => {
        const message = withoutLater(schema, drawn);
        const bytes = generated.encode(generated.fromPartial(partOf(schema, message) as never) as never).finish();
        const read = decode<Record<string, unknown>>(schema, Uint8Array.from(bytes));
        expect(read).toEqual(message);
      }),
      { numRuns: 150 },
    );
  });

  it('throws for every message that is cut short, and reads nothing beyond its end', () => {
    const message = { nodeAdded: [{ cvid: 258, parent: 257, instanceUuid: 'u', name: 'n', labels: { k: 'v' } }] };
    const whole = network.WatchNetworkDeltaResponse.encode(
      network.WatchNetworkDeltaResponse.fromPartial({
        position: { epoch: 'e', revision: 7n },
        kind: 3,
        deltas: [message],
      }),
    ).finish();
    let read = 0;
    for (let length = 1; length < whole.length; length++) {
      try {
        decode(wire.NETWORK_MESSAGE, whole.subarray(0, length));
        read++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
    // Those that end between two fields are messages, too: after the position, and after the kind.
    expect(read).toBe(2);
  });

  it('gives each message lists and maps of its own', () => {
    const [one, other] = [1, 2].map(() => decode<wire.NetworkMessage>(wire.NETWORK_MESSAGE, new Uint8Array()));
    expect(one.deltas).toEqual([]);
    expect(one.deltas).not.toBe(other.deltas);
    const node: Schema = { 1: ['labels', 'map'] };
    const [labels, others] = [1, 2].map(() => decode<{ labels: Map<string, string> }>(node, new Uint8Array()).labels);
    expect(labels).toEqual(new Map());
    expect(labels).not.toBe(others);
  });

  it('throws nothing but RangeErrors, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decode(wire.SESSION_PAGE, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the page's encoder", () => {
  it.each(Object.entries(WRITTEN))('writes %s so that the generated code reads it', (_name, [schema, generated]) => {
    // `after` of the audit log is optional: the page leaves a 0 out, which then is absent.
    const unsigned = arbitraryOf(schema).filter(
      (message) => !JSON.stringify(message).includes('-') && message.after !== 0,
    );
    fc.assert(
      fc.property(unsigned, (message) => {
        const read = generated.decode(encode(schema, message)) as Record<string, unknown>;
        expect(read).toMatchObject(partOf(schema, message));
      }),
      { numRuns: 100 },
    );
  });
});
