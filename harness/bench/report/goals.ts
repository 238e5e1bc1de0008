import { PATH_GOALS } from './path-goals.js';

/** One figure that was promised, and where it is found. */
export interface Goal {
  readonly what: string;
  /** As it was set. */
  readonly goal: string;
  readonly bench: string;
  /** Which result of the bench: its `what`, and where several have the same, the rival's name or the unit. */
  readonly result: string;
  readonly rivalName?: string;
  readonly unit?: string;
  /** The goal is a share of what the rival takes, so it is told that way round. */
  readonly isShare?: boolean;
  /** What it is called in the README, where it stands there. */
  readonly inReadme?: string;
  /** What the figure means, whichever way it comes out. */
  readonly note: string;
  /** Why it is missed, when it is. */
  readonly missed?: string;
}

const STOPPED = 'one stopped watcher while 100,000 changes pass';
const MILLION = 'event loop at 1 M nodes and 1 M links';

/** Every goal, in the order in which they were set. */
export const GOALS: readonly Goal[] = [
  {
    what: 'Session, durable',
    goal: '≥ 0.9 × bare grpc-js that answers a constant',
    bench: 'session',
    result: 'Session, durable',
    inReadme: 'Sessions opened on disk, a second; beside bare grpc-js that answers a constant',
    rivalName: 'bare grpc-js',
    unit: 'calls/s',
    note: 'Every call opens a session, ends the one before and is on disk before it is answered; the rival does nothing.',
    missed:
      'What a call costs beyond grpc-js is a record, an fsync shared by a turn, two revisions of graph and feeds.',
  },
  {
    what: 'Session, durable',
    goal: '≥ 1.5 × etcd LeaseGrant',
    bench: 'session',
    result: 'Session, durable',
    inReadme: 'the same beside etcd LeaseGrant',
    rivalName: 'etcd LeaseGrant',
    unit: 'calls/s',
    note: "etcd's nearest equivalent, on the same disk and fsynced too. etcd uses both cores, Switchyard one.",
  },
  {
    what: 'Changes to 1,000 watchers, full load, per CPU second',
    goal: '≥ 60 × bare grpc-js',
    bench: 'fanout',
    result: '1,000 watchers, full load',
    inReadme: 'CPU for each change that reaches each of 1,000 watchers; beside bare grpc-js',
    note: 'A revision is encoded once, and a watcher gets all that one turn brought as one message.',
    missed:
      'Each message to each watcher costs the same as in the rival; only more changes a message would make it less.',
  },
  {
    what: 'The same',
    goal: '≥ 20 × etcd watch',
    bench: 'brokers',
    result: '1,000 watchers, full load',
    inReadme: 'the same beside etcd',
    rivalName: 'etcd watch',
    note: 'What the changes themselves cost is measured without watchers and taken off, in both.',
    missed: 'etcd packs what comes at once into one message, too, so it gains from the same load.',
  },
  {
    what: 'The same',
    goal: '≥ 1 × nats-server',
    bench: 'brokers',
    result: '1,000 watchers, full load',
    inReadme: 'the same beside nats-server, which stores nothing',
    rivalName: 'nats-server',
    note: 'NATS is compiled, stores nothing, and copies each message into the buffers of its subscribers.',
    missed: 'It is a machine-code server for exactly this; HTTP/2 frames and flow control stand between.',
  },
  {
    what: 'The same, one message per revision',
    goal: '≥ 1.3 × bare grpc-js',
    bench: 'fanout',
    result: '1,000 watchers, one message a change',
    note: 'Nothing is gained by larger messages here; what is saved is the encoding for each watcher.',
    missed: 'What is left is grpc-js and HTTP/2 writing a message to a stream, which both do alike.',
  },
  {
    what: 'Publish to deliver, 100 changes/s, 100 watchers, p99',
    goal: '≤ 2 × bare grpc-js',
    bench: 'latency',
    result: 'publish to deliver, 100 changes/s to 100 watchers',
    isShare: true,
    note: 'Ours is on disk before it is told.',
    missed: 'The fsync before a change is told is most of the difference.',
  },
  {
    what: 'One stopped watcher, 100,000 changes: memory',
    goal: '≤ 32 MiB more',
    bench: 'stopped',
    result: `${STOPPED}: memory`,
    note: 'Heap and buffers after collection that are let go of when it goes: a place in the shared log and one message of 256 KiB.',
  },
  {
    what: 'The same: the others lose',
    goal: '≤ 5 %',
    bench: 'stopped',
    result: `${STOPPED}: the others' loss`,
    note: 'Rate of changes with it, against the floods before and after it.',
    missed: 'It costs nothing while it is stopped; the rate of neighbouring rounds differs by as much without it.',
  },
  {
    what: 'Memory of a session at 1 M',
    goal: '≤ 600 B, all included',
    bench: 'million',
    result: 'memory of a session, all included',
    inReadme: 'Memory of a session, with a million of them',
    note: 'Heap and buffers of the whole server after a start from a snapshot, less those of an empty one: lease and link to the server included.',
  },
  {
    what: 'Memory of a link at 1 M',
    goal: '≤ 32 B, all included',
    bench: 'million',
    result: 'memory of a link, all included',
    note: 'The same with a million links more.',
  },
  {
    what: 'Start from a snapshot of 1 M sessions',
    goal: '≤ 4 s',
    bench: 'million',
    result: 'start from a snapshot of 1 M sessions',
    unit: 's',
    inReadme: 'Start with a million sessions',
    note: 'From the start of the process to the line that it listens.',
    missed:
      'A million rows are read, packed and entered into the graph and the tables by SID and instance, on one core.',
  },
  {
    what: 'Journal replay, sessions opened',
    goal: '≥ 200,000 commands/s',
    bench: 'million',
    result: 'journal replay, sessions opened',
    unit: 'commands/s',
    note: 'The dearest command: read, checked, decoded, applied, and encoded again for the history of each feed.',
    missed:
      'The goal allows 5 µs for all of it. Applying one takes 3.3 alone, and so do its reading and decoding; half is the history of the feeds, without which no watcher could resume. A start replays 200,000 at most.',
  },
  {
    what: 'Journal replay, links reported',
    goal: '≥ 200,000 commands/s',
    bench: 'million',
    result: 'journal replay, links reported',
    unit: 'commands/s',
    note: 'Two reports a link.',
    missed: 'As above.',
  },
  {
    what: 'Event loop stall at 1 M nodes',
    goal: 'p99.9 ≤ 15 ms',
    bench: 'million',
    result: `${MILLION}, p99.9`,
    note: 'While sessions come and go at full load, two watchers read the whole graph and the journal’s snapshot is written.',
    missed:
      'Sessions lie outside the heap, so that a collection takes no longer than in an empty server: 8 to 40 ms here, once in some seconds, and a third of that for strings outside the heap, which node:http2 makes of headers.',
  },
  {
    what: 'Shortest path over 1 M nodes',
    goal: '≥ 2 × graphology',
    bench: 'path',
    result: 'shortest path over 1 M nodes',
    inReadme: 'Shortest path over a million nodes; beside graphology',
    note: 'Both search from both ends. Median of 201 pairs over a million random links.',
  },
  {
    what: 'Memory of that graph',
    goal: '≤ 1/8 of graphology',
    bench: 'path',
    result: 'graph of 1 M nodes and 1 M links',
    note: 'Columns of 32-bit numbers against objects.',
  },
  {
    what: '10,000 watchers, one idle connection each: memory',
    goal: '≤ 1.15 × bare grpc-js',
    bench: 'idle',
    result: '10,000 idle watchers, resident memory',
    isShare: true,
    note: 'Resident memory of the whole server after collection. Most of it is node:http2’s, outside the heap.',
    missed: 'Beside what both have, each connection has its bounds and each watch its place in the log.',
  },
  {
    what: 'The same: heap and buffers alone',
    goal: '≤ 1.15 × bare grpc-js',
    bench: 'idle',
    result: '10,000 idle watchers, heap and buffers',
    isShare: true,
    note: 'Of the whole server, as above.',
    missed:
      'Two thirds of the difference are there without any watcher: 16 MiB that lmdb sets aside, and more code. The rest is some 1.4 KiB for each: ours was answered, so that node:http2 keeps the headers that it was sent; it is pinged, and held to its bounds.',
  },
  {
    what: 'All of them reconnect at once: event loop',
    goal: 'p99.9 ≤ 20 ms',
    bench: 'idle',
    result: '10,000 watchers reconnect at once, event loop, p99.9',
    note: 'All lose their connections in one moment and are back within seconds.',
    missed:
      'Connections that end are let go of a few a turn, where the rival stands still for a second. What is left is V8’s: what new connections allocate lives, so that it is moved twice, 10 to 20 ms each time, and what node:http2 held for 10,000 old ones is freed in one go, 130 to 200 ms. Both are in the rival, too.',
  },
  {
    what: 'Simulation',
    goal: '≥ 500 × real time',
    bench: 'simulation',
    result: 'simulated worlds',
    note: 'Whole worlds on one core, every check on. More than 1,000 hours were simulated in all.',
  },
  {
    what: 'Simulation: deliberate faults that are missed',
    goal: 'none',
    bench: 'simulation',
    result: 'mutations that were missed',
    note: 'Each of them, put into the server, has to be found within a minute.',
  },
  {
    what: 'Memory of an idle network, with 200 of them',
    goal: '≤ 4 MiB',
    bench: 'networks',
    result: 'an idle network, resident memory',
    note: 'Resident memory after collection, less that of a server with the default network alone, for each of the others.',
  },
  {
    what: 'Start with 200 networks',
    goal: '≤ 5 s',
    bench: 'networks',
    result: 'start with 200 networks',
    note: 'From the start of the process until its health is SERVING, after a SIGKILL. The server with one network stands beside it.',
  },
  {
    what: 'Challenge and Session with a proof: CPU of the main thread',
    goal: '≤ 1.6 × Session without',
    bench: 'proven',
    result: 'Challenge and Session with a proof, main thread',
    isShare: true,
    note: 'At one server, instances that have a session already, their keys imported. Signatures are verified in the thread pool.',
    missed:
      'A second unary call alone is half a Session: Challenge takes 63 µs, and one of a method that does not exist 50 to 57. A profile has 60 to 70 more for the proof: some 30 before the verification, 20 when it comes back, the rest garbage and the look at its identity.',
  },
  {
    what: 'The same: CPU of all threads',
    goal: '≤ 2.8 × Session without',
    bench: 'proven',
    result: 'Challenge and Session with a proof, all threads',
    isShare: true,
    note: 'The verification of an Ed25519 signature alone, of the same rounds, stands below.',
    missed: 'As above: the verification alone is three quarters of a Session.',
  },
  ...PATH_GOALS,
];
