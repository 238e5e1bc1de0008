import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, type Running, run } from '../grpc/running.js';
import { TestIssuer } from '../trust/oidc/issuer.js';

/** The program for this platform. Through `buf/bin/buf`, which looks for it, each of eighty calls would start a node, too. */
const PACKAGES = fileURLToPath(new URL('../../node_modules/@bufbuild', import.meta.url));
const BUF = join(PACKAGES, readdirSync(PACKAGES).find((name) => name.startsWith('buf-')) ?? 'buf', 'bin/buf');
/** What an interrupted stream ends with. */
const CANCELED = /^\{\s*"code": "canceled"/m;

/**
 * `buf curl` knows nothing of our protos here: it runs in an empty folder and asks the server's reflection. Every method is
 * called once; that they behave is shown elsewhere.
 */
describe('buf curl, over reflection alone', () => {
  let at: Running;
  let issuer: TestIssuer;
  let one: { sid: number; token: string };
  let two: typeof one;
  beforeAll(async () => {
    // A busy machine takes its time between two calls.
    issuer = await TestIssuer.start();
    at = await run({ 'session-ttl': '10m', 'oidc-ca': issuer.authorityFile });
    const opened = await Promise.all([1, 2].map((number) => ask(at, Sessions.session, agent(number))));
    [one, two] = opened.map(({ instanceSid, sessionToken }) => ({ sid: instanceSid, token: sessionToken }));
  });
  afterAll(async () => {
    await at.stop();
    await issuer.stop();
  });

  /** What it prints: of a stream the first message, after which it is stopped. */
  const buf = async (args: string[], isStream = false) => {
    const child = spawn(BUF, ['curl', '--http2-prior-knowledge', ...args], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    let said = '';
    let running = isStream;
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk: Buffer) => {
        said += chunk;
        if (!running || !said.includes('\n}')) return;
        running = false;
        child.kill('SIGINT');
      });
    }
    await ended;
    return said;
  };
  const curl = (method: string, data: object, token?: string, isStream = false) => {
    const header = token === undefined ? [] : ['-H', `switchyard-session: ${token}`];
    const args = [
      '--protocol',
      'grpc',
      ...header,
      '-d',
      JSON.stringify(data),
      `http://${at.address}/switchyard.v1.${method}`,
    ];
    return buf(args, isStream);
  };
  const answer = async (...args: Parameters<typeof curl>) =>
    JSON.parse((await curl(...args)).replace(/^npm .*$/gm, ''));
  const reason = async (...args: Parameters<typeof curl>) => {
    const { details } = await answer(...args);
    return ErrorInfo.decode(Buffer.from(details[0].value, 'base64')).reason;
  };

  it.each(['grpc-v1', 'grpc-v1alpha'])(
    'lists every method by reflection %s',
    async (protocol) => {
      const listed = await buf([
        '--reflect-protocol',
        protocol,
        '--protocol',
        'grpc',
        '--list-methods',
        `http://${at.address}`,
      ]);
      expect(
        listed
          .trim()
          .split('\n')
          .filter((line) => line.startsWith('switchyard.v1.')),
      ).toHaveLength(50);
      expect(listed).toContain('grpc.health.v1.Health/Check');
    },
    30_000,
  );

  it('asks after the health', async () => {
    const url = `http://${at.address}/grpc.health.v1.Health/Check`;
    const data = JSON.stringify({ service: 'switchyard.v1.StreamService' });
    expect(JSON.parse(await buf(['--protocol', 'grpc', '-d', data, url]))).toEqual({ status: 'SERVING' });
  }, 30_000);

  it('is made as the subject of the token of an issuer that it brings', async () => {
    const roles = [{ claim: 'groups', has: 'ops', give: ['operator'] }];
    const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles }];
    const document = JSON.stringify({ auth: 'open', issuers });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
    const bearer = ['-H', `authorization: Bearer ${await issuer.token({ groups: ['ops'] })}`];
    const call = (method: string) =>
      buf(['--protocol', 'grpc', ...bearer, `http://${at.address}/switchyard.v1.IdentityService/${method}`]);
    expect(JSON.parse(await call('WhoAmI'))).toMatchObject({
      principal: { roles: ['operator'], via: 'PRINCIPAL_VIA_ISSUER' },
    });
    expect(await call('Login')).toContain('swa1_');
  }, 30_000);

  it('calls the methods of SessionService', async () => {
    const request = { instance_uuid: agent(3).instanceUuid, instance_type: 'INSTANCE_TYPE_AGENT', ttl: '60s' };
    const { instanceSid, sessionToken, ttl } = await answer('SessionService/Session', request);
    expect(ttl).toBe('60s');
    expect(await answer('SessionService/KeepAlive', {}, sessionToken)).toMatchObject({ ttl: '60s' });
    expect(await answer('SessionService/GetSession', { cvid: instanceSid })).toMatchObject({
      session: { instanceUuid: request.instance_uuid },
    });
    const { sessions } = await answer('SessionService/ListSessions', { page_size: 1 });
    expect(sessions).toHaveLength(1);
    expect(await curl('SessionService/Attach', {}, sessionToken, true)).toContain('"heartbeat"');
    expect(await reason('SessionService/Answer', { order_id: 'o1' }, sessionToken)).toBe('ORDER_NOT_FOUND');
    const sessionsNow = await curl('SessionService/WatchSessions', { cvids: [instanceSid] }, undefined, true);
    expect(sessionsNow).toContain('"opened"');
    expect(await answer('SessionService/TerminateSession', {}, sessionToken)).toHaveProperty('position');
  }, 60_000);

  it("opens a session of a fleet's own type and flavor by their names, and reads the names back", async () => {
    const own = { instance_type: 'INSTANCE_TYPE_FLEET_5', instance_flavor: 'INSTANCE_FLAVOR_FLEET_31' };
    const request = { instance_uuid: agent(5).instanceUuid, ...own };
    const { instanceSid } = await answer('SessionService/Session', request);
    expect({ type: instanceSid & 7, flavor: (instanceSid >> 3) & 31 }).toEqual({ type: 5, flavor: 31 });
    const { session } = await answer('SessionService/GetSession', { cvid: instanceSid });
    expect(session).toMatchObject({ instanceType: own.instance_type, instanceFlavor: own.instance_flavor });
  }, 30_000);

  it('calls the methods of NetworkService', async () => {
    const request = { peer_cvid: two.sid, link: 'LINK_TYPE_TRANSPORT_TCP', state: 'LINK_STATE_ESTABLISHED' };
    expect(await answer('NetworkService/ReportLink', request, one.token)).toHaveProperty('position');
    expect(await answer('NetworkService/GetNode', { cvid: one.sid })).toMatchObject({ node: { cvid: one.sid } });
    const path = await answer('NetworkService/FindPath', { from_cvid: one.sid, to_cvid: two.sid });
    expect(path.cvids).toHaveLength(3);
    const watched = await curl('NetworkService/WatchNetworkDelta', {}, undefined, true);
    expect(watched).toContain('WATCH_KIND_SNAPSHOT');
    const closed = await curl('NetworkService/WatchEndpointClosed', {}, undefined, true);
    expect(closed.replace(CANCELED, '')).toContain('WATCH_KIND_BOOKMARK');
    const asked = { cvid: two.sid, type: 'LINK_TYPE_TRANSPORT_TCP', port: 4711 };
    expect(await reason('NetworkService/DirectConnection', asked, one.token)).toBe('NOT_ATTACHED');
    const unknown = { connection_id: 'c999' };
    expect(await reason('NetworkService/GetConnection', unknown, one.token)).toBe('CONNECTION_NOT_FOUND');
    expect(await answer('NetworkService/ListConnections', {}, one.token)).toEqual({});
    const connections = await curl('NetworkService/WatchConnections', {}, one.token, true);
    expect(connections).toContain('WATCH_KIND_SNAPSHOT_END');
  }, 60_000);

  it('calls the methods of StreamService', async () => {
    const create = () => answer('StreamService/CreateStream', { sink_cvids: [two.sid] }, one.token);
    const { id, sinks } = (await create()).stream;
    const request = { sink_cvids: [two.sid], request_id: 'once' };
    const made = await answer('StreamService/CreateStream', request, one.token);
    expect(await answer('StreamService/CreateStream', request, one.token)).toEqual(made);
    await answer('StreamService/TerminateStream', { id: made.stream.id }, one.token);
    const update = { id, params: { timeout: '300s' }, update_mask: 'timeout' };
    const updated = await answer('StreamService/UpdateStreamParams', update, one.token);
    expect(updated.stream.params.timeout).toBe('300s');
    expect(await answer('StreamService/GetStream', { id }, two.token)).toMatchObject({ stream: { id } });
    expect((await answer('StreamService/ListStreams', {}, one.token)).streams).toHaveLength(2);
    expect(await curl('StreamService/WatchStreams', {}, one.token, true)).toContain('"put"');
    expect(await answer('StreamService/StopStream', { id, validate_only: true }, two.token)).toMatchObject({
      stoppedIds: [id, sinks[0].id],
    });
    expect(await answer('StreamService/TerminateStream', { id }, one.token)).toHaveProperty('position');
    expect(await reason('StreamService/Relay', { open: { id } }, one.token)).toBe('STREAM_NOT_FOUND');
  }, 60_000);

  it('calls the methods of IdentityService', async () => {
    expect(await answer('IdentityService/Challenge', {})).toMatchObject({ mode: 'AUTH_MODE_OPEN', validFor: '60s' });
    const adminNonce = Buffer.alloc(32, 7).toString('base64');
    const { adminProof } = await answer('IdentityService/Challenge', { adminNonce });
    expect(Buffer.from(adminProof, 'base64')).toHaveLength(32);
    expect(await answer('IdentityService/WhoAmI', {}, one.token)).toMatchObject({ cvid: one.sid });
    const request = { identity_uuid: agent(1).instanceUuid };
    expect(await reason('IdentityService/GetIdentity', request, one.token)).toBe('IDENTITY_NOT_FOUND');
    expect(await reason('IdentityService/RotateKey', {})).toBe('FIELD_INVALID');
    expect(await reason('IdentityService/Login', {})).toBe('FIELD_INVALID');
    expect(await reason('IdentityService/Enroll', {})).toBe('FIELD_INVALID');
    const guarded = ['ListIdentities', 'UpdateIdentity', 'BindKey', 'ForgetKey', 'RevokeIdentity'];
    for (const method of [
      ...guarded,
      'GetPolicy',
      'PutPolicy',
      'Explain',
      'IssueTicket',
      'ListTickets',
      'RevokeTicket',
      'WatchAudit',
      'CreateNetwork',
      'ListNetworks',
      'DropNetwork',
    ]) {
      expect(await reason(`IdentityService/${method}`, {}, one.token)).toBe('ADMIN_REQUIRED');
    }
  }, 60_000);

  it('creates a network as an administrator, and opens a session in it', async () => {
    const url = `http://${at.address}/switchyard.v1`;
    const admin = ['--protocol', 'grpc', '-H', `switchyard-admin: ${ADMIN_TOKEN}`];
    const wanted = JSON.stringify({ name: 'harbour', sessionsMax: 3 });
    const created = JSON.parse(await buf([...admin, '-d', wanted, `${url}.IdentityService/CreateNetwork`]));
    expect(created.network).toMatchObject({ name: 'harbour', sessionsMax: 3 });
    const session = JSON.stringify({ instanceUuid: agent(1).instanceUuid, instanceType: 2, network: 'harbour' });
    const opened = JSON.parse(await buf(['--protocol', 'grpc', '-d', session, `${url}.SessionService/Session`]));
    expect(opened.sessionToken).toMatch(/^sw2_/);
    const dropped = await buf([
      ...admin,
      '-d',
      JSON.stringify({ name: 'harbour' }),
      `${url}.IdentityService/DropNetwork`,
    ]);
    expect(JSON.parse(dropped)).toEqual({});
  }, 60_000);

  it('calls the methods of TransportService', async () => {
    const { transports } = await answer('TransportService/EnumerateTransport', { encrypted: false });
    expect(transports.map(({ codeName }: { codeName: string }) => codeName)).toEqual(['exchange', 'grpc']);
    expect(await curl('TransportService/Exchange', { packet: '' })).toContain('"packet"');
  }, 60_000);

  it('calls the methods of ServerService', async () => {
    const { serverUuid, version, position } = await answer('ServerService/GetServer', {});
    expect(serverUuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(position.epoch).not.toBe('');
  }, 30_000);

  it('proves an administrator', async () => {
    const url = `http://${at.address}/switchyard.v1.StreamService/ListStreams`;
    const header = `switchyard-admin: ${ADMIN_TOKEN}`;
    const { streams } = JSON.parse(await buf(['--protocol', 'grpc', '-H', header, '-d', '{}', url]));
    expect(streams.length).toBeGreaterThanOrEqual(2);
    const policy = `http://${at.address}/switchyard.v1.IdentityService/PutPolicy`;
    const request = JSON.stringify({ document: '{"auth":"open"}', validate_only: true });
    const checked = JSON.parse(await buf(['--protocol', 'grpc', '-H', header, '-d', request, policy]));
    expect(checked).toMatchObject({ mode: 'AUTH_MODE_OPEN' });
  }, 30_000);
});
