import { readFileSync, writeFileSync } from 'node:fs';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Servers } from '../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transports } from '../../gen/switchyard/v1/transport_service.js';
import { ROLES, type Role } from '../../src/core/model/trust/identity.js';
import { METHODS, type Method as MethodName } from '../../src/core/model/trust/permission.js';
import type { Rpc } from '../../src/grpc/rules.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import {
  agent,
  asAdmin,
  asHeaders,
  ask,
  asSession,
  type Method,
  open,
  type Running,
  refusalOf,
  run,
} from '../grpc/running.js';
import { cellOf, refreshed } from './permission-table.js';
import { keyOf, proofOf } from './proving.js';

const DOCUMENT = new URL('../../docs/security.md', import.meta.url);
const SERVICES = { ...Sessions, ...Network, ...Streams, ...Transports, ...Identities, ...Servers };
const NO_TARGET = { sid: 2 ** 30 + 2, uuid: '00000000-0000-4000-8000-00000000ffff', stream: 2 ** 29 + 2 };

/** Whom or what a call is about. */
interface Target {
  readonly sid: number;
  readonly uuid: string;
  readonly stream: number;
}

/** Methods that are left out, each for what it is. */
type Untried = 'Exchange' | 'Relay';

/** A request of each method about a target, good enough to be decided by who asks. A new method does not compile without one. */
const REQUESTS: Readonly<Record<Exclude<Rpc, Untried>, (target: Target) => object>> = {
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
const TRIED = Object.keys(REQUESTS) as Exclude<Rpc, Untried>[];

/** Methods whose refusals tell what is hidden from what is not there, if there is anything to tell. */
const HIDING = ['GetSession', 'GetNode', 'GetStream', 'CreateStream', 'DirectConnection', 'ReportLink'] as const;

interface Member extends Target {
  readonly as: Metadata;
}

describe('the matrix of methods, principals and targets', () => {
  let at: Running;
  let number = 1;
  let members: Readonly<Record<Role, Member>>;
  let hidden: Member;

  /** A new identity with these roles: with a session where a role may open one, else logged in. */
  async function member(roles: readonly Role[]): Promise<Member> {
    const own = number++;
    const { instanceUuid: uuid } = agent(own);
    await ask(at, Identities.bindKey, { identityUuid: uuid, publicKey: keyOf(own).publicKey }, asAdmin());
    const described = { identityUuid: uuid, kind: 0, roles: [...roles], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, described, asAdmin());
    const isMember = roles.some((role) => cellOf(role, 'KeepAlive') !== 'none');
    const purpose = isMember ? ProofPurpose.SESSION : ProofPurpose.LOGIN;
    const proof = proofOf(keyOf(own), uuid, await ask(at, Identities.challenge, { network: '' }), { purpose });
    if (!isMember) {
      const { accessToken } = await ask(at, Identities.login, { proof });
      return {
        sid: NO_TARGET.sid,
        stream: NO_TARGET.stream,
        uuid,
        as: asHeaders({ 'switchyard-access': accessToken }),
      };
    }
    const session = await ask(at, Sessions.session, { ...agent(own), proof });
    return { sid: session.instanceSid, stream: session.streamId, uuid, as: asSession(session.sessionToken) };
  }

  /** The reason for which a call is refused, and what was said; undefined for one that is not. */
  async function refusalFor(name: Exclude<Rpc, Untried>, target: Target, as: Metadata) {
    const method = SERVICES[`${name[0].toLowerCase()}${name.slice(1)}` as keyof typeof SERVICES];
    const request = REQUESTS[name](target);
    try {
      if (method.responseStream) {
        const reading = open(at, method as unknown as Method<object, object>, request, as);
        await reading.next();
        reading.call.on('error', () => {}).cancel();
      } else await ask(at, method as unknown as Method<object, object>, request, as);
      return undefined;
    } catch (error) {
      const { reason, message } = refusalOf(error);
      return { reason, message };
    }
  }

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    const made = await Promise.all(ROLES.map(async (role) => [role, await member([role])] as const));
    members = Object.fromEntries(made) as Record<Role, Member>;
    hidden = await member(['agent']);
  });
  afterAll(() => at.stop());

  it('has a request for every method of the table that gRPC has', () => {
    const events: readonly MethodName[] = ['Open'];
    const rpcs = Object.keys(SERVICES).map((name) => name[0].toUpperCase() + name.slice(1));
    expect([...rpcs, ...events].sort()).toEqual(Object.keys(METHODS).sort());
    expect([...TRIED, 'Exchange', 'Relay'].sort()).toEqual(rpcs.sort());
  });

  it('stands in docs/security.md as the code has it (UPDATE_DOCUMENT=1 brings it up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(DOCUMENT, refreshed(readFileSync(DOCUMENT, 'utf8')));
    const document = readFileSync(DOCUMENT, 'utf8');
    expect(document).toBe(refreshed(document));
  });

  it.each(TRIED)('%s is refused to nobody and to an identity without a role, unless it needs nothing', async (name) => {
    const { needs } = METHODS[name];
    const nobody = await refusalFor(name, members.agent, new Metadata());
    const isFree = needs === 'nothing';
    // A call about one's own session has none to be about.
    const ownless = ['Attach', 'KeepAlive'].includes(name) ? 'SESSION_TOKEN_MISSING' : 'AUTH_REQUIRED';
    expect(nobody?.reason === ownless).toBe(!isFree);
    const without = await member([]);
    const refused = await refusalFor(name, without, without.as);
    expect(refused?.reason === ownless).toBe(!isFree && needs !== 'principal');
  });

  it.each(TRIED.flatMap((name) => ROLES.map((role) => [name, role] as const)))(
    '%s is decided for %s as the table says',
    async (name, role) => {
      const { as, ...own } = members[role];
      const refused = await refusalFor(name, own, as);
      const cell = cellOf(role, name);
      const isDenied = refused?.reason === 'PERMISSION_DENIED';
      // These are decided by more than the role: by the proof in the request, and by the grants.
      if (name === 'Session') expect(refused?.reason).toBe('AUTH_REQUIRED');
      if (cell === 'grant' || name === 'Session') return;
      const noSession = ['Attach', 'KeepAlive'].includes(name) && cell === 'none';
      expect(isDenied).toBe(cell === 'none' && !noSession);
      if (noSession) expect(refused?.reason).toBe('SESSION_TOKEN_MISSING');
    },
  );

  it.each(HIDING)(
    '%s tells an agent nothing of who is hidden that it does not tell of who is not there',
    async (name) => {
      const { as } = members.agent;
      const masked = (refused: object | undefined, { sid, stream, uuid }: Target) =>
        JSON.stringify(refused)
          ?.replaceAll(String(sid), 'ID')
          .replaceAll(String(stream), 'ID')
          .replaceAll(uuid, 'UUID');
      const ofHidden = masked(await refusalFor(name, hidden, as), hidden);
      expect(ofHidden).toBe(masked(await refusalFor(name, NO_TARGET, as), NO_TARGET));
      expect(ofHidden).toMatch(/NOT_FOUND|FIELD_INVALID/);
      // The same is there for who may see it.
      const seen = await refusalFor(name, hidden, members.operator.as);
      expect(masked(seen, hidden)).not.toBe(ofHidden);
    },
  );
});
