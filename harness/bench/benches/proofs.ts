import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KeepAliveRequest, SessionRequest, SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { type Figure, figureOf } from '../figure.js';
import { type Challenged, ConnectionLostError, FleetConnection } from '../parts/fleet-connection.js';
import { type Member, memberOf, proofOf } from '../parts/member.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';

/** What the issue of trust asks for: 100 sessions on each of 500 connections from four addresses. */
export const FLEET = { sessions: 50_000, connections: 500 };
/** And what it asks for beside that: devices, each with a connection of its own. */
const DEVICES = { sessions: 5_000, connections: 5_000 };
/** So many addresses that each may have the lost connections and the new ones at once, by default 1,024 in all. */
const DEVICES_FROM = Array.from({ length: 10 }, (_, at) => `127.0.0.${at + 1}`);
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
/** How often it is looked how many were refused. */
const LOOK_MS = 20;
/** The name in the certificate of tests. */
const CERTIFICATE_NAME = 'switchyard.test';
const TLS = fileURLToPath(new URL('../../../test/client/tls/', import.meta.url));

/** A server to come back to. */
export interface ProofsTarget {
  readonly port: number;
  /** The authority of its certificate, PEM. */
  readonly ca: string | Buffer;
  /** The addresses that the connections come from, in turn. Absent: four of the loopback. */
  readonly from?: readonly string[];
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
  /** Connections that were refused, or were closed while their sessions came back, and were made again. */
  readonly again: number;
}

/** Sessions that have proved themselves, over connections that they share, with what it takes to lose these and come back. */
export class ProvenFleet {
  readonly #groups: readonly Member[][];
  readonly #connections: readonly FleetConnection[];

  private constructor({ port, ca, from = ADDRESSES }: ProofsTarget, groups: readonly Member[][]) {
    this.#groups = groups;
    this.#connections = groups.map((_group, at) => {
      const localAddress = from[at % from.length];
      return new FleetConnection({ port, ca, servername: CERTIFICATE_NAME, localAddress });
    });
  }

  /** Opens all sessions, each of an instance that shows its first key. */
  static async open(target: ProofsTarget, { sessions, connections }: ProofsFleet): Promise<ProvenFleet> {
    const groups = Array.from({ length: connections }, (): Member[] => []);
    for (let at = 0; at < sessions; at++) groups[at % connections].push(memberOf(at));
    const fleet = new ProvenFleet(target, groups);
    const untilMs = performance.now() + OPENING_MS;
    await fleet.#connectAll(untilMs);
    await Promise.all(groups.map((group, at) => openGroup(fleet.#connections[at], group, untilMs)));
    return fleet;
  }

  /**
   * Loses all connections, and comes back with all sessions at once, each with a proof of its own. With `refusedFirst` the server still
   * counts the lost connections until it has refused so many new ones.
   */
  async comeBack({ refusedFirst = 0 }: { readonly refusedFirst?: number } = {}): Promise<Return> {
    const left = refusedFirst > 0 ? this.#connections.map((connection) => connection.leave()) : [];
    await this.close();
    const fromMs = performance.now();
    const untilMs = fromMs + PATIENCE_MS;
    const madeBefore = this.#madeAgain;
    await this.#connectBeside(left, untilMs, () => this.#madeAgain - madeBefore >= refusedFirst);
    const counts = { lost: 0, postponed: 0 };
    await Promise.all(
      this.#groups.map(async (group, at) => {
        const connection = this.#connections[at];
        const challenge = await connection.challenge().catch(unlessLost);
        await Promise.all(group.map((member) => showAgain(connection, { member, challenge, untilMs, counts })));
      }),
    );
    return { tookMs: performance.now() - fromMs, ...counts, again: this.#madeAgain - madeBefore };
  }

  /** Ends all connections; the sessions live on for their TTL. */
  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  get #madeAgain(): number {
    return this.#connections.reduce((sum, { madeAgain }) => sum + madeAgain, 0);
  }

  /** Connects all, and ends what was left open as soon as `isTime` says so. */
  async #connectBeside(left: readonly (() => void)[], untilMs: number, isTime: () => boolean): Promise<void> {
    let isOver = false;
    const connected = this.#connectAll(untilMs).finally(() => {
      isOver = true;
    });
    // Awaited below.
    connected.catch(() => {});
    while (!isOver && !isTime()) await sleep(LOOK_MS);
    for (const end of left) end();
    await connected;
  }

  async #connectAll(untilMs: number): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.ready(untilMs)));
  }
}

async function openGroup(connection: FleetConnection, group: readonly Member[], untilMs: number): Promise<void> {
  const left = [...group];
  const work = async () => {
    for (let member = left.pop(); member !== undefined; member = left.pop()) {
      if (performance.now() > untilMs) throw new Error(`the fleet was not made within ${OPENING_MS / 1_000} s`);
      await connection.ready(untilMs);
      if (!(await openOne(connection, member))) left.push(member);
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, work));
}

/** Opens a session. False: its connection went meanwhile. */
async function openOne(connection: FleetConnection, member: Member): Promise<boolean> {
  const challenge = await connection.challenge().catch(unlessLost);
  if (challenge === undefined) return false;
  const proof = proofOf(member, ProofPurpose.SESSION, challenge);
  const request = SessionRequest.create({ instanceUuid: member.uuid, instanceType: 2, proof });
  const sent = SessionRequest.encode(request).finish();
  const answer = await connection.call('SessionService/Session', sent).catch(unlessLost);
  if (answer === undefined) return false;
  if (answer.status !== 0) throw new Error(`Session was answered with ${answer.status}`);
  member.token = SessionResponse.decode(answer.message).sessionToken;
  return true;
}

/** One session that comes back. */
interface Showing {
  readonly member: Member;
  /** Undefined: the connection went before one came. */
  readonly challenge: Challenged | undefined;
  readonly untilMs: number;
  readonly counts: { lost: number; postponed: number };
}

/** Shows a session's identity on a new connection; again, with a new nonce, when it is told to come later or its connection is closed. */
async function showAgain(connection: FleetConnection, showing: Showing): Promise<void> {
  const { member, untilMs, counts } = showing;
  let { challenge } = showing;
  while (performance.now() < untilMs) {
    const again = await showOnce(connection, member, challenge).catch(unlessLost);
    if (again === 'taken') return;
    if (again === 'refused') break;
    if (again !== undefined) {
      counts.postponed += 1;
      // As clients do: somewhat later than they were told, each by another time.
      await sleep(again * (1 + Math.random()));
    }
    await connection.ready(untilMs).catch(unlessLost);
    challenge = await connection.challenge().catch(unlessLost);
  }
  counts.lost += 1;
}

/** Answers with after how many milliseconds to come again, where the server says so. */
async function showOnce(
  connection: FleetConnection,
  member: Member,
  challenge: Challenged | undefined,
): Promise<'taken' | 'refused' | number | undefined> {
  if (challenge === undefined) return undefined;
  const proof = proofOf(member, ProofPurpose.ATTACH, challenge);
  const message = KeepAliveRequest.encode(KeepAliveRequest.create({ proof })).finish();
  const { status, pushbackMs } = await connection.call('SessionService/KeepAlive', message, member.token);
  if (status === 0) return 'taken';
  return pushbackMs === undefined || pushbackMs < 0 ? 'refused' : pushbackMs;
}

/** What a client does of a connection that goes: it makes another. Any other error is its own. */
function unlessLost(error: unknown): undefined {
  if (!(error instanceof ConnectionLostError)) throw error;
}

/** What one return was like, and what the server was like meanwhile. */
interface Measured extends Return {
  readonly cpuSeconds: number;
  /** How late its event loop came: at the 99.9th percentile, and the longest. */
  readonly lateMs: number;
  readonly latestMs: number;
}

/**
 * 50,000 sessions with proofs over 500 TLS connections from four addresses lose these and come back at once; and so do 5,000 with a TLS
 * connection each.
 */
export async function benchProofs(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const gateways = await measureReturn(rounds, progress, FLEET, ADDRESSES);
  return [...gateways, ...(await measureReturn(rounds, progress, DEVICES, DEVICES_FROM))];
}

/** What comes of a fleet, at a server of its own. */
async function measureReturn(
  rounds: number,
  progress: (line: string) => void,
  wanted: ProofsFleet,
  from: readonly string[],
): Promise<Figure[]> {
  const data = dataFolder();
  const certificate = join(TLS, 'cert.pem');
  const tls = ['--tls-cert', certificate, '--tls-key', join(TLS, 'key.pem')];
  const server = await startProbedSwitchyard(data.path, ...tls, '--session-ttl', TTL);
  const { sessions, connections } = wanted;
  let fleet: ProvenFleet | undefined;
  try {
    const target = { port: server.port, ca: readFileSync(certificate), from };
    const startMs = performance.now();
    fleet = await ProvenFleet.open(target, wanted);
    progress(`${sessions} sessions opened in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
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
      progress(`round ${round + 1} of ${rounds}`);
    }
    return figuresOf(`${sessions} sessions come back with proofs over ${connections} TLS connections`, all);
  } finally {
    await fleet?.close();
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
    figure('connections made again', 'connections', ({ again }) => again),
    figure('sessions lost', 'sessions', ({ lost }) => lost, '<= 0'),
  ];
}
