import { NO_TARGET, REQUESTS, type Target, type Tried } from './requests.js';

/** What a call is aimed at, more of it than a {@link Target}: what is there, but not for the caller, or what never was. */
export interface Aim extends Target {
  /** A session token of it. */
  readonly token: string;
  readonly connection: string;
  /** An order that it was given. */
  readonly order: string;
  readonly ticket: string;
  readonly network: string;
}

/** What never was. */
export const NOWHERE: Aim = {
  ...NO_TARGET,
  token: '',
  connection: 'c99',
  order: 'o99',
  ticket: 'ffffffffffffffff',
  network: 'nowhere',
};

/** Requests that are about more of a target than those of the matrix, and change what they are about where they may. */
const AIMED: { readonly [N in Tried]?: (aim: Aim) => object } = {
  Answer: ({ order }) => ({ orderId: order, code: 0, description: '', data: Buffer.alloc(0) }),
  TerminateSession: ({ sid }) => ({ cvid: sid, reason: '' }),
  ListSessions: ({ uuid }) => ({ pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: uuid }),
  WatchSessions: ({ sid }) => ({ after: undefined, cvids: [sid] }),
  WatchNetworkDelta: ({ sid }) => ({ after: undefined, coalesce: false, cvids: [sid] }),
  WatchEndpointClosed: ({ sid }) => ({ after: undefined, cvids: [sid] }),
  GetConnection: ({ connection }) => ({ connectionId: connection }),
  ListConnections: () => ({ pageSize: 0, pageToken: '' }),
  TerminateStream: ({ stream }) => ({ id: stream }),
  StopStream: ({ stream }) => ({ id: stream, validateOnly: false }),
  ListStreams: ({ sid }) => ({ pageSize: 0, pageToken: '', cvid: sid }),
  ListIdentities: () => ({ pageSize: 0, pageToken: '' }),
  UpdateIdentity: ({ uuid }) => ({
    ...{ identityUuid: uuid, kind: 0, roles: ['admin'], name: '', labels: {}, updateMask: ['roles'] },
  }),
  ForgetKey: ({ uuid }) => ({ identityUuid: uuid }),
  RevokeIdentity: ({ uuid }) => ({ identityUuid: uuid }),
  RevokeTicket: ({ ticket }) => ({ ticketId: ticket, andIdentities: true }),
  Explain: ({ uuid }) => ({ from: uuid, permission: 'stream.create', to: uuid }),
  DropNetwork: ({ network }) => ({ name: network }),
};

/** The requests of system events that are about something of a network. */
export const EVENTS_AIMED = {
  CreateStream: ({ sid }: Aim) => ({ params: {}, sinkCvids: [sid] }),
  UpdateStreamParams: ({ stream }: Aim) => ({ id: stream, params: { name: 'x' } }),
  TerminateStream: ({ stream }: Aim) => ({ id: stream }),
  StopStream: ({ stream }: Aim) => ({ id: stream }),
  TerminateSession: ({ sid }: Aim) => ({ cvid: sid }),
  DirectConnection: ({ sid }: Aim) => ({ cvid: sid, type: 1, port: 5_000 }),
  Open: ({ stream }: Aim) => ({ id: stream }),
};

/** What came of a call. */
export interface Outcome {
  readonly reason: string | undefined;
  /** The messages, or the refusal, as JSON. */
  readonly text: string;
}

/** The request of a method that aims at this. */
export function aimedAt(name: Tried, aim: Aim): object {
  return (AIMED[name] ?? REQUESTS[name])(aim);
}

/** A message as text, its 64-bit numbers too. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? String(one) : one));
}

/** What was said, without what the caller itself has named. */
export function masked({ text }: Outcome, aim: Aim): string {
  const { sid, stream, uuid, connection, order, ticket, network } = aim;
  // Those with a letter before their number first: the number may be that of a session, too.
  return [connection, order, sid, stream, uuid, ticket, network].reduce<string>(
    (left, value) => left.replaceAll(String(value), 'NAMED'),
    text,
  );
}
