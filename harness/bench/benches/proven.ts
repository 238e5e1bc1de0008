import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { type Figure, figureOf } from '../figure.js';
import { FleetConnection } from '../parts/fleet-connection.js';
import { type Member, memberOf, proofOf } from '../parts/member.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

/** As much load as `session` makes: 4 connections with 32 calls each. */
const CONNECTIONS = 4;
const AT_ONCE = 32;
/** So many instances that one is not opened again while it is being opened. */
const INSTANCES = 1_000;
const CALLS = 10_000;
/** The longest that connecting may take. */
const PATIENCE_MS = 10_000;
/** Signatures that are verified for one figure. */
const VERIFIED = 2_000;
/** As long as what a proof signs. */
const SIGNED_BYTES = 200;
/** TRUST's bounds for Challenge and Session with a proof, in Sessions without one. */
const MAIN_MAX = 1.6;
const ALL_MAX = 2.8;

/** CPU of the server for opening a session, in µs. */
export interface Cost {
  readonly mainMicros: number;
  readonly allMicros: number;
}

/** Opens sessions one after the other of its instances, so that each ends one before, over connections of its own. */
export class Openings {
  readonly #members: readonly Member[];
  readonly #isProven: boolean;
  readonly #connections: readonly FleetConnection[];

  private constructor(members: readonly Member[], isProven: boolean, connections: readonly FleetConnection[]) {
    this.#members = members;
    this.#isProven = isProven;
    this.#connections = connections;
  }

  /** Connects, and opens a session of each instance for the first time: with proofs this binds their keys. */
  static async begin(port: number, isProven: boolean, instances = INSTANCES): Promise<Openings> {
    const route = { port, localAddress: '127.0.0.1' };
    const connections = Array.from({ length: CONNECTIONS }, () => new FleetConnection(route));
    await Promise.all(connections.map((connection) => connection.ready(performance.now() + PATIENCE_MS)));
    // An instance that has shown a key is opened by no call without it: these have UUIDs of their own.
    const first = isProven ? 0 : instances;
    const members = Array.from({ length: instances }, (_, at) => memberOf(first + at));
    const openings = new Openings(members, isProven, connections);
    await openings.run(instances);
    return openings;
  }

  /** Opens so many sessions. */
  async run(calls: number): Promise<void> {
    let begun = 0;
    const work = async (connection: FleetConnection) => {
      while (begun < calls) await this.#open(connection, this.#members[begun++ % this.#members.length]);
    };
    const lanes = this.#connections.flatMap((connection) => Array<FleetConnection>(AT_ONCE).fill(connection));
    await Promise.all(lanes.map(work));
  }

  /** What each of so many costs a server. */
  async measure(server: Pick<Started, 'mainNanos' | 'cpuNanos'>, calls: number): Promise<Cost> {
    const [main, all] = [server.mainNanos(), server.cpuNanos()];
    await this.run(calls);
    const micros = (nanos: number) => nanos / 1_000 / calls;
    return { mainMicros: micros(server.mainNanos() - main), allMicros: micros(server.cpuNanos() - all) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  async #open(connection: FleetConnection, member: Member): Promise<void> {
    const proof = this.#isProven ? proofOf(member, ProofPurpose.SESSION, await connection.challenge()) : undefined;
    const request = SessionRequest.create({ instanceUuid: member.uuid, instanceType: 2, proof });
    const answer = await connection.call('SessionService/Session', SessionRequest.encode(request).finish());
    if (answer.status !== 0) throw new Error(`Session was answered with ${answer.status}`);
  }
}

/** CPU of one verification of an Ed25519 signature by a key that was imported before, in µs. */
function bareVerifyMicros(): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const signed = Buffer.alloc(SIGNED_BYTES, 7);
  const signature = sign(null, signed, privateKey);
  const from = process.cpuUsage();
  for (let at = 0; at < VERIFIED; at++) {
    if (!verify(null, signed, publicKey, signature)) throw new Error('a good signature was not verified');
  }
  const { user, system } = process.cpuUsage(from);
  return (user + system) / VERIFIED;
}

/** Challenge and Session with a proof beside Session without one, at one server, and the bare verification of the same rounds. */
export async function benchProven(
  rounds: number,
  progress: (line: string) => void,
  calls = CALLS,
): Promise<(Row | Figure)[]> {
  const data = dataFolder();
  const server = await startSwitchyard(data.path);
  try {
    const [proven, plain] = [await Openings.begin(server.port, true), await Openings.begin(server.port, false)];
    const all: { ours: Cost; rival: Cost; verifyMicros: number }[] = [];
    for (let round = -1; round < rounds; round++) {
      const ours = await proven.measure(server, calls);
      const rival = await plain.measure(server, calls);
      const verifyMicros = bareVerifyMicros();
      progress(round < 0 ? 'warmed up' : `round ${round + 1} of ${rounds}`);
      if (round >= 0) all.push({ ours, rival, verifyMicros });
    }
    await Promise.all([proven.close(), plain.close()]);
    const bench = 'proven';
    const beside = (what: string, key: keyof Cost, most: number): Row => {
      const about = { bench, what: `Challenge and Session with a proof, ${what}`, rivalName: 'Session without' };
      const taken = all.map(({ ours, rival }): Round => ({ ours: ours[key], rival: rival[key] }));
      return rowOf({ ...about, unit: 'µs of CPU', goal: 1 / most }, taken, true);
    };
    return [
      beside('main thread', 'mainMicros', MAIN_MAX),
      beside('all threads', 'allMicros', ALL_MAX),
      figureOf(
        { bench, what: 'verification of an Ed25519 signature alone', unit: 'µs of CPU' },
        all.map(({ verifyMicros }) => verifyMicros),
      ),
    ];
  } finally {
    await server.stop();
    data.remove();
  }
}
