import type { Fault } from '../core/model/fault.js';
import type { SeenLeader } from '../log/shared-log.js';
import type { RosterServer } from './server-addresses.js';

/** A command on its way to the leader. */
export interface ForwardedCommand {
  /** The lower half of its tag. */
  readonly count: number;
  /** As a record of revision 1. */
  readonly record: Uint8Array;
  readonly urgent: boolean;
}

/** What a follower says to the leader: `switchyard.cluster.v1.SubmitRequest`, without the network. */
export interface FollowerMessage extends Omit<RosterServer, 'name'> {
  readonly server: string;
  readonly term: bigint;
  readonly incarnation: number;
  readonly floor: number;
  readonly commands: readonly ForwardedCommand[];
  readonly renewed: readonly number[];
  readonly attached: readonly number[];
  /** For how long each of `attached` has been. */
  readonly attachedMs: readonly number[];
  readonly detached: readonly number[];
  readonly usedStreams: readonly number[];
  readonly asked: readonly number[];
  /** What the follower has applied. */
  readonly revision: number;
  /** How many messages it had heard over this link when it told over it last what was renewed; undefined: it is of an earlier build. */
  readonly heard?: number | undefined;
  /** It is stopped in order: it renews nothing more than it has told. */
  readonly leaves?: boolean;
}

/** A command that is not in the log and will not be: why, or undefined when all was so already. */
export interface CommandRefused {
  readonly count: number;
  readonly revision: number;
  readonly fault: Fault | undefined;
}

/** What the leader says: `switchyard.cluster.v1.SubmitResponse`. */
export interface LeaderMessage {
  readonly refusals: readonly CommandRefused[];
  readonly replaced: readonly number[];
  readonly attached: readonly number[];
  readonly absent: readonly number[];
  /** Sessions that are at the follower and were renewed elsewhere. */
  readonly renewed: readonly number[];
  /** The servers that live; undefined: nothing is said of them. */
  readonly roster?: readonly RosterServer[] | undefined;
  /** Absent where there is a roster: the leader is of an earlier build. */
  readonly elsewhere?: ElsewhereReport | undefined;
}

/** A part of what the leader knows of sessions that are attached at other servers than the follower. */
export interface ElsewhereReport {
  /** From this message on all are named. */
  readonly begins: boolean;
  readonly attached: readonly number[];
  readonly detached: readonly number[];
  /** All were named: those that were not are attached nowhere else. */
  readonly ends: boolean;
}

/** A follower's end of a link. */
export interface LeaderLink {
  send(message: FollowerMessage): void;
  /** Ends it. The owner hears nothing more of it. */
  close(): void;
}

/** Who has dialled a link. */
export interface LinkOwner {
  received(message: LeaderMessage): void;
  /** It is over. */
  broken(): void;
}

/** Makes a link to the leader. What is sent before it stands is delivered then, or the link breaks. */
export type DialLeader = (leader: SeenLeader, owner: LinkOwner) => LeaderLink;

/** The leader's end of a link. */
export interface FollowerLink {
  send(message: LeaderMessage): void;
  /** Ends it: this server does not lead in that term. */
  refuse(): void;
  /** Ends it: what came over it is none of what followers say. */
  reject(why: string): void;
}

/** What a link's end is told of, at the leader. */
export interface FollowerHandler {
  received(message: FollowerMessage): void;
  closed(): void;
}
