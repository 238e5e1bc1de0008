import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChallengeRequest, ChallengeResponse, type Proof } from '../../../gen/switchyard/v1/identity.js';
import { KeepAliveRequest, SessionRequest, SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose, signedBytes } from '../../../src/trust/signed-bytes.js';
import { SigningKey } from '../../../src/trust/signing-key.js';
import { type Figure, figureOf } from '../figure.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';

/** What the issue of trust asks for: 100 sessions on each of 500 connections from four addresses. */
const FLEET = { sessions: 50_000, connections: 500 };
/** Loopback has as many addresses as one likes: so many machines, each with a share of its own. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
/** Calls of one connection that run at once while the fleet is made: afterwards all of them run at once. */
const OPENING_AT_ONCE = 8;
/** The longest that making the fleet may take: ten times what an idle machine needs. */
const OPENING_MS = 600_000;
/** The longest that coming back may take before somebody is lost. */
const PATIENCE_MS = 120_000;
/** Beyond the fleet's TTL nobody is left to come back; the default is 30 s, and a busy machine takes longer to make the fleet. */
const TTL = '30m';
const NO_BINDING = Buffer.alloc(0);
/** The name in the certificate of tests. */
const CERTIFICATE_NAME = 'switchyard.test';
const TLS = fileURLToPath(new URL('../../../test/client/tls/', import.meta.url));

/** A server to come back to. */
export interface ProofsTarget {
  readonly port: number;
  /** The authority of its certificate, PEM. */
  readonly ca: string | Buffer;
}

/** How many come back, and over how many connections. */
export interface ProofsFleet {
  readonly sessions: number;
  readonly connections: number;
}

/** What came of coming back. */
export interface Return {
  /** From the moment in which all connections were gone until the last session had shown itself. */
  readonly tookMs: number;
  /** Sessions that did not come back in time, or were refused for good. */
  readonly lost: number;
  /** Calls that were told to come again later, and did. */
  readonly postponed: number;
}

/** One session of the fleet. */
interface Member {
  readonly uuid: string;
  readonly key: SigningKey;
  token: string;
}

/** The nonce of a challenge, and whose it is. */
type Challenged = Pick<ChallengeResponse, 'nonce' | 'serverUuid'>;

/** An answer of a unary call, as the wire has it. */
interface Answer {
  /** gRPC's. */
  readonly status: number;
  readonly message: Buffer;
  /** When to try again; undefined: not at all. */
  readonly pushbackMs: number | undefined;
}

/** Sessions that have proved themselves, over connections that they share, with what it takes to lose these and come back. */
export class ProvenFleet {
  readonly #target: ProofsTarget;
  readonly #groups: readonly Member[][];
  #connections: ClientHttp2Session[] = [];

  private constructor(target: ProofsTarget, groups: readonly Member[][]) {
    this.#target = target;
    this.#groups = groups;
  }

  /** Opens all sessions, each of an instance that shows its first key. */
  static async open(target: ProofsTarget, { sessions, connections }: ProofsFleet): Promise<ProvenFleet> {
    const groups = Array.from({ length: connections }, (): Member[] => []);
    for (let at = 0; at < sessions; at++) groups[at % connections].push(memberOf(at));
    const fleet = new ProvenFleet(target, groups);
    await fleet.#connectAll();
    await Promise.all(groups.map((group, at) => fleet.#openGroup(fleet.#connections[at], group)));
    return fleet;
  }

  /** Loses all connections, and comes back with all sessions at once, each with a proof of its own. */
  async comeBack(): Promise<Return> {
    this.close();
    await Promise.all(this.#connections.map((one) => (one.destroyed ? undefined : once(one, 'close'))));
    const fromMs = performance.now();
    await this.#connectAll();
    const counts = { lost: 0, postponed: 0 };
    const untilMs = fromMs + PATIENCE_MS;
    await Promise.all(
      this.#groups.map(async (group, at) => {
        const connection = this.#connections[at];
        const challenge = await challengeOn(connection);
        await Promise.all(group.map((member) => showAgain(connection, { member, challenge, untilMs, counts })));
      }),
    );
    return { tookMs: performance.now() - fromMs, ...counts };
  }

  /** Lets go of all connections; the sessions live on for their TTL. */
  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async #connectAll(): Promise<void> {
    const { port, ca } = this.#target;
    this.#connections = this.#groups.map((_group, at) => {
      const localAddress = ADDRESSES[at % ADDRESSES.length];
      const options = { ca, servername: CERTIFICATE_NAME, localAddress, settings: { enablePush: false } };
      return connect(`https://127.0.0.1:${port}`, options).on('error', () => {});
    });
    await Promise.all(this.#connections.map((connection) => once(connection, 'connect')));
  }

  async #openGroup(connection: ClientHttp2Session, group: readonly Member[]): Promise<void> {
    const left = [...group];
    const untilMs = performance.now() + OPENING_MS;
    const work = async () => {
      for (let member = left.pop(); member !== undefined; member = left.pop()) {
        if (performance.now() > untilMs) throw new Error(`the fleet was not made within ${OPENING_MS / 1_000} s`);
        const proof = proofOf(member, ProofPurpose.SESSION, await challengeOn(connection));
        const request = SessionRequest.create({ instanceUuid: member.uuid, instanceType: 2, proof });
        const sent = SessionRequest.encode(request).finish();
        const { status, message } = await call(connection, 'SessionService/Session', sent);
        if (status !== 0) throw new Error(`Session was answered with ${status}`);
        member.token = SessionResponse.decode(message).sessionToken;
      }
    };
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, work));
  }
}

/** One session that comes back. */
interface Showing {
  readonly member: Member;
  readonly challenge: Challenged;
  readonly untilMs: number;
  readonly counts: { lost: number; postponed: number };
}

/** Shows a session's identity on a new connection; again, with a new nonce, when it is told to come later. */
async function showAgain(
  connection: ClientHttp2Session,
  { member, challenge, untilMs, counts }: Showing,
): Promise<void> {
  let current = challenge;
  while (performance.now() < untilMs) {
    const proof = proofOf(member, ProofPurpose.ATTACH, current);
    const message = KeepAliveRequest.encode(KeepAliveRequest.create({ proof })).finish();
    const answer = await call(connection, 'SessionService/KeepAlive', message, member.token);
    if (answer.status === 0) return;
    if (answer.pushbackMs === undefined || answer.pushbackMs < 0) break;
    counts.postponed += 1;
    // As clients do: somewhat later than they were told, each by another time.
    await sleep(answer.pushbackMs * (1 + Math.random()));
    current = await challengeOn(connection);
  }
  counts.lost += 1;
}

async function challengeOn(connection: ClientHttp2Session): Promise<Challenged> {
  const message = ChallengeRequest.encode(ChallengeRequest.create()).finish();
  const answer = await call(connection, 'IdentityService/Challenge', message);
  if (answer.status !== 0) throw new Error(`Challenge was answered with ${answer.status}`);
  return ChallengeResponse.decode(answer.message);
}

/** A unary call over plain HTTP/2: a client of grpc-js would take more CPU than the server that is measured. */
function call(connection: ClientHttp2Session, method: string, message: Uint8Array, token?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = connection.request({
      ':method': 'POST',
      ':path': `/switchyard.v1.${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token !== undefined && { 'switchyard-session': token }),
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    const chunks: Buffer[] = [];
    let trailers: Readonly<Record<string, unknown>> = {};
    const take = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] !== undefined) trailers = headers;
    };
    stream.on('response', take).on('trailers', take);
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const pushback = trailers['grpc-retry-pushback-ms'];
      const pushbackMs = pushback === undefined ? undefined : Number(pushback);
      resolve({
        status: Number(trailers['grpc-status'] ?? 14),
        message: Buffer.concat(chunks).subarray(5),
        pushbackMs,
      });
    });
    stream.end(Buffer.concat([head, message]));
  });
}

function memberOf(at: number): Member {
  const secret = createHash('sha256').update(`proofs ${at}`).digest();
  const uuid = `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`;
  return { uuid, key: SigningKey.fromSecret(secret), token: '' };
}

function proofOf({ uuid, key }: Member, purpose: ProofPurpose, { nonce, serverUuid }: Challenged): Proof {
  const plain = { purpose, nonce, bindingKind: 0, binding: NO_BINDING };
  const who = { identityUuid: uuid, instanceUuid: uuid, keyId: key.keyId };
  const signature = key.sign(signedBytes({ ...plain, ...who, serverUuid, network: 'default' }));
  return { ...plain, nonce: Buffer.from(nonce), signature, publicKey: key.publicKey, identityUuid: uuid };
}

/** What one return was like, and what the server was like meanwhile. */
interface Measured extends Return {
  readonly cpuSeconds: number;
  /** How late its event loop came: at the 99.9th percentile, and the longest. */
  readonly lateMs: number;
  readonly latestMs: number;
}

/** 50,000 sessions with proofs over 500 TLS connections from four addresses lose these and come back at once. */
export async function benchProofs(
  rounds: number,
  progress: (line: string) => void,
  wanted: ProofsFleet = FLEET,
): Promise<Figure[]> {
  const data = dataFolder();
  const certificate = join(TLS, 'cert.pem');
  const tls = ['--tls-cert', certificate, '--tls-key', join(TLS, 'key.pem')];
  const server = await startProbedSwitchyard(data.path, ...tls, '--session-ttl', TTL);
  const { sessions, connections } = wanted;
  let fleet: ProvenFleet | undefined;
  try {
    const target = { port: server.port, ca: readFileSync(certificate) };
    const startMs = performance.now();
    fleet = await ProvenFleet.open(target, wanted);
    progress(`proofs: ${sessions} sessions opened in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
    const all: Measured[] = [];
    for (let round = 0; round < rounds; round++) {
      await server.quiet();
      const fromSeconds = server.cpuSeconds();
      await server.ask('beginStalls');
      const back = await fleet.comeBack();
      const stalls = await server.ask('endStalls');
      const late = (wanted: number) => stalls.find(([percent]) => percent === wanted)![1];
      all.push({
        ...back,
        cpuSeconds: server.cpuSeconds() - fromSeconds,
        lateMs: late(99.9),
        latestMs: late(100),
      });
      progress(`proofs: ${round + 1} of ${rounds}`);
    }
    return figuresOf(`${sessions} sessions come back with proofs over ${connections} TLS connections`, all);
  } finally {
    fleet?.close();
    await server.stop();
    data.remove();
  }
}

function figuresOf(what: string, all: readonly Measured[]): Figure[] {
  const figure = (of: string, unit: string, value: (one: Measured) => number, goal?: string): Figure =>
    figureOf({ bench: 'proofs', what: `${what}, ${of}`, unit, ...(goal && { goal }) }, all.map(value));
  return [
    figure('all back', 's', ({ tookMs }) => tookMs / 1_000, '<= 30'),
    figure("the server's event loop late, p99.9", 'ms', ({ lateMs }) => lateMs, '<= 50'),
    figure("the server's event loop late, longest", 'ms', ({ latestMs }) => latestMs),
    figure("the server's CPU time", 's', ({ cpuSeconds }) => cpuSeconds),
    figure('calls told to come later', 'calls', ({ postponed }) => postponed),
    figure('sessions lost', 'sessions', ({ lost }) => lost, '<= 0'),
  ];
}
