/** How often a follower says what has come together at least, so that the leader knows that it lives. */
export const BEAT_MS = 500;

/** A server that was silent for so long is not taken for one that is heard. */
export const SILENCE_MS = 1_500;

/**
 * How much longer leases live at a leader with followers, and for how long it may not know what was renewed at one of them: after that no
 * lease ends. What is known is two beats and two round trips old at worst, so leases end in time while a round trip takes 0.5 s at most.
 */
export const LEASE_SLACK_MS = 2_000;

/** For so long after a follower's link broke no session is reported as unattached: the follower comes back, or its clients go elsewhere. */
export const CALM_MS = 10_000;

/** A link over which nothing was heard for so long is given up, and another one dialled. */
export const LINK_SILENCE_MS = 5_000;

/** How long a follower has to say who is attached there once its link stands. */
export const TELL_MS = 1_000;

/** Before a link that broke is dialled again: at first, and at most, as it doubles. */
export const REDIAL_MS_MIN = 100;
export const REDIAL_MS_MAX = 1_000;

/** A server that has not heard of a leader for so long tells its clients, and takes nothing more: at least. */
export const CUT_OFF_MS_MIN = 5_000;
/**
 * How much longer than the lease of a leader that died it takes until the next one is heard of: etcd looks for ended leases twice a
 * second, others ask four times, then the log is read and a link dialled, at worst a {@link REDIAL_MS_MAX} later.
 */
export const CHANGE_MS = 3_000;

/** For how long nothing is heard until a server is cut off: the change of a leader that died does not cut the others off. */
export function cutOffMs(leaderTtlMs: number): number {
  return Math.max(CUT_OFF_MS_MIN, leaderTtlMs + CHANGE_MS);
}

/**
 * For how long after its link broke, by the leader's clock, a follower may renew sessions. It does for {@link cutOffMs} after it has heard of
 * the leader. Where the leader notices late that the link broke, it heard of it earlier than that, which does no harm. The worst is that
 * it hears later: the leader gives the link up and what it had sent stands still on its way. That arrives until the follower gives the
 * link up: {@link LINK_SILENCE_MS} after it heard something before, which was sent before the leader gave up, and a beat later at most. What
 * it reads later than that is not counted: its process stood still.
 */
export function unheardMs(leaderTtlMs: number): number {
  return cutOffMs(leaderTtlMs) + LINK_SILENCE_MS + BEAT_MS;
}

/**
 * A follower that could not read the log to its end for so long is cut off as well: two requests to the store without an answer, and
 * a look.
 */
export const LAG_MS_MAX = 8_000;

/** A follower that could not read the log to its end for so long is not ready: others should be asked. */
export const READY_LAG_MS = 5_000;

/** How long a caller waits until this server has applied what it asks for. */
export const BEHIND_MS_MAX = 5_000;
/** When a caller may try again that has waited so long. */
export const BEHIND_RETRY_MS = 500;

/** Between two looks at the log when nothing is told: a watch can be silent for no reason. */
export const LOOK_MS = 500;

/** Before the log is read again that could not be read. */
export const READ_AGAIN_MS = 200;

/** Before a follower tries again to be the next leader, when the store did not answer. */
export const CAMPAIGN_AGAIN_MS = 1_000;

/** Before a server asks again to be one of the network, when that could not be stored. */
export const JOIN_AGAIN_MS = 500;

/** Between two looks at which rules every live server knows: what is known of that is seconds old in any case. */
export const RULES_LOOK_MS = 1_000;

/** Between two looks at which servers are there: a link between two of them changes as often as that at most. */
export const ROSTER_MS = 1_000;

/**
 * A server of which the leader has heard nothing for so long is lost. Its clients have gone elsewhere by then: it ends their attachments
 * after {@link cutOffMs}, and a restart takes less.
 */
export const SERVER_LOST_MS = 15_000;

/** Commands and questions in one message to the leader. Each has 1 MiB at most and a few hundred bytes mostly. */
export const MESSAGE_ITEMS_MAX = 1_024;
/** Bytes of commands after which a message takes no more. With one more it stays below the 4 MiB that gRPC takes. */
export const MESSAGE_BYTES_MAX = 1_048_576;

/** Bytes of one command's record: with it an append that has room for one more stays below the largest request of etcd's. */
export const RECORD_BYTES_MAX = 1_114_112;

/** Revisions that a follower may be ahead of what the leader has applied: an append that is being applied there, many times over. */
export const AHEAD_MAX = 65_536;
/** Sessions that one follower may have attached before the leader has applied their beginning: as many as a network has. */
export const EARLY_MAX = 1_048_576;
/** Commands of one process that are known by their count: all that may wait there at once, and as many that were settled meanwhile. */
export const TAKEN_MAX = 262_144;
/** Processes of one server that are known in one term: those before have long gone, and repeat nothing. */
export const ORIGINS_PER_SERVER_MAX = 16;
/** Processes that are known in one term. */
export const ORIGINS_MAX = 4_096;

/**
 * Sessions of one message that are attached elsewhere. Both ends take 0.1 s for so many on a machine that
 * is busy, and a million sessions take half a minute.
 */
export const ELSEWHERE_MAX = 16_384;

/** Addresses of one server that clients are told. */
export const ADDRESSES_MAX = 8;
/** The longest address: a name of 253 bytes, and a port. */
export const ADDRESS_BYTES_MAX = 261;
/** Servers that clients and other servers are told of: more do not share one network. */
export const ROSTER_MAX = 64;

/** How long the leader is asked whether a session is attached. Then it is taken to be: its order waits, and passes. */
export const ASK_MS = 1_000;

/** How long a server that goes down waits to learn what became of forwarded commands. */
export const FATE_MS_MAX = 3_000;
/** How long a server that goes down waits for the leader's answer to what was renewed here last: two round trips of half a second. */
export const LEAVE_MS_MAX = 1_000;

/** How late a server remembers how far it has applied the log: what an etcd may lose by a backup that is younger is not noticed. */
export const REMEMBER_MS = 1_000;
/** Epochs that are remembered: each but the first came of a restored backup. */
export const EPOCHS_REMEMBERED_MAX = 16;

/** Between two looks of the server that stores snapshots at whether one is due: each reads one small key. */
export const SNAPSHOT_LOOK_MS = 5_000;
/** After a snapshot that a live server could not read: a whole one was written in vain, and servers are upgraded one in some minutes. */
export const SNAPSHOT_UNREAD_MS = 60_000;
/** How many times as much as a snapshot the log may weigh until the next one is due. */
export const SNAPSHOT_WEIGHT = 2;
/** A log of fewer bytes is not worth a snapshot: it is read in a second. */
export const LOG_BYTES_MIN = 64 * 1_048_576;
/** Between two looks at whether a batch came by which the leader says that it came to what was stored. */
export const CONFIRM_POLL_MS = 200;
/** How many times later than a follower the leader stores a snapshot: then those that follow do not manage to. */
export const LEADER_SNAPSHOT_PATIENCE = 2;
