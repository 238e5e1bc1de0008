import { ManualClock } from '../../harness/manual-clock.js';
import { LeaderDesk, type LeaderDeskDeps } from '../../src/cluster/desk.js';
import type { FollowerLink, FollowerMessage, LeaderMessage } from '../../src/cluster/peers.js';
import type { Command } from '../../src/core/model/command.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { AttachedElsewhere } from '../../src/replica/attached-elsewhere.js';
import type { Forwarded } from '../../src/replica/replica.js';

/** A command as a follower forwards it. */
export function recordOf(sid: number): Uint8Array {
  const command: Command = { kind: 'CloseSession', sid, reason: 2 };
  return encodeRecord(1, command).bytes;
}

/** A message of the follower `b` in term 5 that says nothing, but for what is given. */
export function message(given: Partial<FollowerMessage> = {}): FollowerMessage {
  return {
    ...{ server: 'b', term: 5n, incarnation: 7, floor: 1, commands: [], revision: 0 },
    ...{ peerAddress: '127.0.0.1:2', addresses: [], attachedCount: 0 },
    ...{
      renewed: [],
      attached: [],
      attachedMs: given.attached?.map(() => 0) ?? [],
      detached: [],
      usedStreams: [],
      asked: [],
    },
    ...given,
  };
}

/** A link whose leader's end is written down. */
export class HeardLink implements FollowerLink {
  readonly heard: LeaderMessage[] = [];
  readonly rejected: string[] = [];
  isRefused = false;

  send(one: LeaderMessage): void {
    this.heard.push(one);
  }

  refuse(): void {
    this.isRefused = true;
  }

  reject(why: string): void {
    this.rejected.push(why);
  }

  get refusals() {
    return this.heard.flatMap(({ refusals }) => refusals);
  }
}

/** A leader's desk in term 5, with sessions that the test names. */
export class DeskWorld {
  readonly clock = new ManualClock();
  readonly taken: Forwarded[] = [];
  readonly sessions = new Set<number>();
  readonly attached = new Map<number, number>();
  readonly elsewhere = new AttachedElsewhere(this.clock, (sid) => this.sessions.has(sid));
  readonly replaced: number[] = [];
  readonly renewed: number[] = [];
  readonly held: number[] = [];
  readonly released: number[] = [];
  revision = 0;
  /** The server that every session is at. */
  homeName: string | undefined = 'b';
  readonly desk: LeaderDesk;

  constructor(given: Partial<LeaderDeskDeps> = {}) {
    this.desk = new LeaderDesk({
      clock: this.clock,
      term: 5n,
      take: (forwarded) => void this.taken.push(forwarded),
      revision: () => this.revision,
      leases: {
        renew: (sid) => this.renewed.push(sid) > 0,
        hold: (sid) => void this.held.push(sid),
        release: (sid) => void this.released.push(sid),
      },
      has: (sid) => this.sessions.has(sid),
      attachedSinceMs: (sid) => this.attached.get(sid),
      attached: () => this.attached.keys(),
      elsewhere: this.elsewhere,
      homeName: () => this.homeName,
      replace: (sid) => void this.replaced.push(sid),
      self: () => ({ name: 'a', peerAddress: '127.0.0.1:1', addresses: [], attachedCount: 0 }),
      used: () => {},
      leaderTtlMs: 5_000,
      hasOthers: false,
      ...given,
    });
  }

  connect() {
    const link = new HeardLink();
    return { link, ...this.desk.accept(link) };
  }
}
