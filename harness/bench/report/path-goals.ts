import type { Goal } from './goals.js';

/** Pairs of routers that theory allows no direct path. */
const HARD = ['apdf to edm', 'edm to apdf', 'edm to edm'];
const AWAY = '80 ms away';

/** What `npm run bench -- paths` is to show of connections, and what they carry. */
export const PATH_GOALS: readonly Goal[] = [
  ...HARD.map((pair) => ({
    what: `First byte through a new connection, NATs ${pair}, ${AWAY}`,
    goal: '≤ 2.5 × a plain dial over the same hops',
    bench: 'connect',
    result: `first byte, ${pair}, ${AWAY}`,
    rivalName: 'plain dial over the same hops',
    isShare: true,
    note: 'Until a byte is back. The rival goes through a plain forwarder at the server’s place.',
  })),
  {
    what: `Direct path in use, NATs apdf to apdf, ${AWAY}`,
    goal: '≤ 4 × a plain dial',
    bench: 'connect',
    result: `direct path in use, apdf to apdf, ${AWAY}`,
    isShare: true,
    note: 'From the call to the move off the relay. The other pairs that theory allows a direct path are below.',
  },
  {
    what: 'Copy through the server, end-to-end encrypted',
    goal: '≥ 0.5 × a bare relay of grpc-js',
    bench: 'relay',
    result: 'copy through the server, end-to-end encrypted',
    note: 'The rival neither encrypts nor confirms.',
  },
  {
    what: 'The same: CPU of the server',
    goal: '≤ 2 × a bare relay of grpc-js',
    bench: 'relay',
    result: "the server's CPU for it",
    isShare: true,
    note: 'For each MiB.',
  },
  {
    what: 'Copy through the server, in namespaces',
    goal: '≥ 0.8 × ssh -J',
    bench: 'copies',
    result: 'copy through the server',
    note: 'The rival jumps over an sshd at the server’s place.',
  },
  ...['', ', tcp_wmem of 64 MiB'].map((windows) => ({
    what: `Copy through the server, ${AWAY}${windows}`,
    goal: '≥ 0.9 × plain TCP of Node',
    bench: 'copies',
    result: `copy through the server, ${AWAY}${windows}`,
    note: 'The rival crosses one such hop, ours two.',
  })),
  {
    what: 'Copy over a direct TCP path',
    goal: '≥ 0.95 × bare TLS 1.3 of Node',
    bench: 'copies',
    result: 'copy over a direct TCP path',
    note: 'The rival has a certificate of the same kind.',
  },
  {
    what: '1,000 relayed connections idle: memory of the server',
    goal: '≤ 40 KiB each',
    bench: 'relayed',
    result: '1,000 relayed connections idle, each: resident memory',
    note: 'After collection, beyond their attached instances and the first 200 connections.',
  },
  {
    what: '100 relayed copies at once, in all',
    goal: '≥ 0.9 × one',
    bench: 'relayed',
    result: '100 relayed copies at once, in all',
    note: 'Each over instances and connections of its own, the same bytes in all.',
  },
  ...['p50', 'p99'].map((part) => ({
    what: `Echo beside a bulk copy of another pair, ${part}`,
    goal: '≤ 20 ms more',
    bench: 'echo',
    result: `echo beside a copy of another pair, ${part}: more than without`,
    note: 'Through the same server. The rows below also have it beside a copy through another server, which takes as much of the machine.',
  })),
];
