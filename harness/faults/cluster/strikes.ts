import { setTimeout as sleep } from 'node:timers/promises';
import { Rules } from '../../../src/core/model/rules.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { NEXT_NUMBERS } from '../../next-build.mjs';
import { faketimeLibrary, setOffset } from '../faketime.js';
import type { Cluster } from './cluster.js';
import { MEMBERS } from './etcd.js';
import { NODES, type Node, type ServerName } from './ground.js';

/** One kind of thing that goes wrong with several servers. */
export interface Strike {
  readonly name: string;
  /** In one line, for people. */
  readonly about: string;
  /** What is missing here to make it, in a line; undefined when nothing is. */
  lacks(): string | undefined;
  /** Lets it happen for the n-th time, and takes it back. Resolves with what was struck. */
  strike(cluster: Cluster, nth: number): Promise<string>;
}

const nothing = () => undefined;
const DOWN_MS = [0, 3_000] as const;
/** From less than a leader's lease to more than anybody waits for a leader that is silent. */
const AWAY_MS = [1_000, 9_000] as const;
const FULL_MS = 3_000;
const HOUR_S = 3_600;
const HOURS_MAX = 48;
const CLOCK_MS = 3_000;
/** Sessions whose clients are gone when their server is. */
const LEFT_ALONE = 3;
/** A server is lost after 15 s; its sessions have their grace then. The rest is for an election, and a busy machine. */
const LOST_MS_MAX = 90_000;

const kill: Strike = {
  name: 'kill',
  about: 'SIGKILL of a server, every second time of the one that leads',
  lacks: nothing,
  async strike(cluster, nth) {
    const server = cluster.target(nth);
    const who = cluster.describe(server.name);
    await server.kill();
    await sleep(cluster.random.between(...DOWN_MS));
    server.start();
    return who;
  },
};

const stop: Strike = {
  name: 'stop',
  about: 'SIGSTOP of a server for 1 to 9 s, every second time of the one that leads',
  lacks: nothing,
  async strike(cluster, nth) {
    const server = cluster.target(nth);
    const who = cluster.describe(server.name);
    server.signal('SIGSTOP');
    try {
      await sleep(cluster.random.between(...AWAY_MS));
    } finally {
      server.signal('SIGCONT');
    }
    return who;
  },
};

/** The leader looks every 10 s at what live servers know; the rest is for a busy machine. */
const RULES_MS_MAX = 40_000;
/** For how long a leader of the later build has a server of the earlier one beside it: longer than it takes to look at what they know. */
const MIXED_MS = 15_000;

/** Every two that say anything to each other, each way; then a server and all of etcd, or everybody. */
const CUTS = cuts();

const cut: Strike = {
  name: 'cut',
  about: 'two of clients, servers and etcd hear nothing of each other, or one of the other',
  lacks: nothing,
  async strike({ ground, random, describe }, nth) {
    const { name, deaf } = CUTS[nth % CUTS.length];
    try {
      for (const [node, to] of deaf) ground.deafen(node, to);
      await sleep(random.between(...AWAY_MS));
    } finally {
      ground.heal();
    }
    return describe(name);
  },
};

const member: Strike = {
  name: 'member',
  about: 'SIGKILL of a member of etcd',
  lacks: nothing,
  async strike({ etcd, random }, nth) {
    const one = MEMBERS[nth % MEMBERS.length];
    await etcd.kill(one);
    await sleep(random.between(...AWAY_MS));
    etcd.begin(one);
    await etcd.untilWhole();
    return one;
  },
};

const quota: Strike = {
  name: 'quota',
  about: 'etcd is filled to its quota; then somebody makes room and disarms its alarm',
  lacks: nothing,
  async strike({ etcd }) {
    try {
      await etcd.fill();
      await sleep(FULL_MS);
    } finally {
      await etcd.makeRoom();
    }
    return 'etcd';
  },
};

const clock: Strike = {
  name: 'clock',
  about: 'the wall clock of a server jumps by hours, forwards or back, and returns',
  lacks: () => (faketimeLibrary() === undefined ? 'clock jumps need libfaketime (Debian: libfaketime)' : undefined),
  async strike(cluster, nth) {
    const { random } = cluster;
    const server = cluster.target(nth);
    const file = cluster.clockFile(server.name);
    const seconds = (random.chance(0.5) ? 1 : -1) * random.between(HOUR_S, HOURS_MAX * HOUR_S);
    const who = cluster.describe(server.name);
    try {
      setOffset(file, seconds);
      await sleep(CLOCK_MS);
    } finally {
      setOffset(file, 0);
    }
    return `${who} by ${Math.round(seconds / HOUR_S)} h`;
  },
};

const lose: Strike = {
  name: 'lose',
  about: 'SIGKILL of a server that stays away until sessions end because it is lost',
  lacks: nothing,
  async strike(cluster, nth) {
    const { clients, judge, log, ledger } = cluster;
    const server = cluster.target(nth);
    const who = cluster.describe(server.name);
    const at = cluster.servers.indexOf(server);
    const left = await Promise.all(Array.from({ length: LEFT_ALONE }, () => clients.leave(at)));
    const marks = left.filter((mark) => mark !== undefined);
    await server.kill();
    const untilMs = performance.now() + LOST_MS_MAX;
    const hasEnded = (mark: string) => ledger.of(mark)?.closedAt !== undefined;
    while (!marks.every(hasEnded) && performance.now() < untilMs) await sleep(500);
    await log.caughtUp();
    for (const mark of marks) {
      const reason = ledger.of(mark)?.reason;
      if (reason === CloseReason.SERVER_LOST) continue;
      const line = `${mark} was left alone at ${who}, which was killed; the reason of its end is ${reason ?? 'none'}`;
      judge.find(reason === undefined ? 'lost' : 'expired', line);
    }
    server.start();
    return `${who}, with ${marks.length} sessions`;
  },
};

const rolling: Strike = {
  name: 'rolling',
  about: 'servers are stopped in order and started as a later build, one after the other, a follower last',
  lacks: nothing,
  async strike(cluster) {
    const leads = cluster.servers.filter(({ name }) => name === cluster.log.leader?.name);
    const followers = cluster.servers.filter((server) => !leads.includes(server));
    const last = followers.pop();
    const order = [...followers, ...leads, ...(last === undefined ? [] : [last])];
    for (const server of order) {
      if (server === last) await judgeMixed(cluster);
      await server.terminate();
      server.upgrade();
      server.start();
      await cluster.untilStored([server]);
      await judgeRules(cluster);
    }
    return order.map(({ name }) => name).join(', ');
  },
};

/**
 * While one server of the earlier build is left, the later rules wait, whichever leads. It is not stopped so that another one leads: while it is
 * away the rules are raised without it, and it cannot come back.
 */
async function judgeMixed(cluster: Cluster): Promise<void> {
  await cluster.log.caughtUp();
  await sleep(MIXED_MS);
  await judgeRules(cluster);
}

/** The later build's rules hold once the last server is of it, and not before. */
async function judgeRules({ servers, log, ledger, judge }: Cluster): Promise<void> {
  const wanted = servers.every(({ isNext }) => isNext) ? NEXT_NUMBERS.rulesMax : Rules.FIRST;
  const untilMs = performance.now() + RULES_MS_MAX;
  do {
    await log.caughtUp();
    if (ledger.state.rules !== wanted) await sleep(500);
  } while (ledger.state.rules < wanted && performance.now() < untilMs);
  const { rules } = ledger.state;
  const builds = servers.map(({ name, isNext }) => `${name} of the ${isNext ? 'later' : 'earlier'} build`).join(', ');
  if (rules !== wanted) judge.lines.push(`rules ${rules} hold where ${wanted} have to: ${builds}`);
}

/** All of them, in the order in which they take turns. */
export const STRIKES: readonly Strike[] = [kill, stop, cut, member, quota, clock, lose, rolling];

interface Cut {
  readonly name: string;
  /** Who hears nothing of whom. */
  readonly deaf: readonly (readonly [Node, readonly Node[]])[];
}

function cuts(): Cut[] {
  const servers = NODES.filter((node): node is ServerName => node.startsWith('s'));
  const found: Cut[] = [];
  for (const server of servers) {
    found.push({ name: `${server} from etcd`, deaf: [[server, MEMBERS]] });
    found.push({ name: `etcd from ${server}`, deaf: MEMBERS.map((one) => [one, [server]] as const) });
    const rest = NODES.filter((node) => node !== server);
    found.push({ name: `${server} from all`, deaf: [[server, rest]] });
    const others: readonly Node[] = [...servers.filter((one) => one > server), ...MEMBERS, 'c'];
    for (const other of others) found.push(...pairOf(server, other));
  }
  for (const [at, one] of MEMBERS.entries()) {
    for (const other of MEMBERS.slice(at + 1)) found.push(...pairOf(one, other));
  }
  return found;
}

function pairOf(one: Node, other: Node): Cut[] {
  const [there, back] = [[one, [other]] as const, [other, [one]] as const];
  return [
    { name: `${one}–${other}`, deaf: [there, back] },
    { name: `${one} from ${other}`, deaf: [there] },
    { name: `${other} from ${one}`, deaf: [back] },
  ];
}
