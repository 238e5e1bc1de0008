/*
 * What the core costs at a million sessions and a million links: bytes each, commands a second, and how long it holds the
 * event loop. Run alone on the machine: only figures per CPU second mean anything while others work on it.
 *
 *   node --expose-gc --import ./harness/typescript.mjs harness/bench/benches/core.ts [sessions] [links]
 */
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { apply } from '../../../src/core/decide/apply.js';
import { findPath } from '../../../src/core/decide/path.js';
import type { Command } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { LinkType } from '../../../src/core/model/link.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { State } from '../../../src/core/store/state.js';
import { wholeNumber } from '../../number-option.js';
import { seeded } from '../parts/seeded.js';

const SESSIONS = wholeNumber('the count of sessions', process.argv[2] ?? '1000000', 1);
const LINKS = wholeNumber('the count of links', process.argv[3] ?? '1000000', 1);
const CHURN = 200_000;

/** Strings as a decoder makes them: flat, their own, shared with nobody. */
function ownString(text: string, encoding: BufferEncoding): string {
  return Buffer.from(text, encoding).toString(encoding);
}

function openSession(n: number): Command {
  const digest = createHash('sha256').update(`instance ${n}`).digest('hex');
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return {
    kind: 'OpenSession',
    uuid: ownString(uuid, 'utf8'),
    type: 2,
    flavor: 1,
    ttlMs: 30_000,
    name: ownString(`node-${n}`, 'utf8'),
    labels: {},
    tokenHash: Buffer.from(digest, 'hex').toString('latin1'),
    atMs: 1_700_000_000_000 + n,
  };
}

function usedBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc!();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

function say(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(44)} ${value.toFixed(value < 100 ? 2 : 0).padStart(12)} ${unit}`);
}

/** Applies, and times only that: making the commands is not the core's cost. The longest single one is its stall. */
function applyAll(what: string, state: State, count: number, command: (n: number) => Command): void {
  let spentMs = 0;
  let cpuUs = 0;
  let longestMs = 0;
  const batch: Command[] = [];
  for (let n = 0; n < count; ) {
    batch.length = 0;
    for (; batch.length < 10_000 && n < count; n++) batch.push(command(n));
    const startedMs = performance.now();
    const before = process.cpuUsage();
    let beforeMs = startedMs;
    for (const one of batch) {
      const result = apply(state, one);
      if (isFault(result)) throw new Error(result.message);
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - beforeMs);
      beforeMs = nowMs;
    }
    spentMs += performance.now() - startedMs;
    cpuUs += process.cpuUsage(before).user;
  }
  say(`${what}, applied`, (count / spentMs) * 1000, 'commands/s');
  say(`${what}, applied`, (count / cpuUs) * 1e6, 'commands/CPU second');
  say(`${what}, longest`, longestMs, 'ms');
}

function timed<T>(what: string, work: () => T): T {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const result = work();
  say(what, performance.now() - startedMs, 'ms');
  say(`${what}, CPU`, process.cpuUsage(before).user / 1000, 'ms');
  return result;
}

function median(values: number[]): number {
  return values.sort((x, y) => x - y)[values.length >> 1];
}

const random = seeded(1);
const state = new State({ ...DEFAULT_LIMITS, sessionsMax: 4_000_000, streamsMax: 8_000_000 });
apply(state, { kind: 'FoundNetwork', epoch: 'bench', serverUuid: '00000000-0000-4000-8000-000000000000', atMs: 0 });

const emptyBytes = usedBytes();
applyAll('OpenSession', state, SESSIONS, openSession);
const sessionsBytes = usedBytes();
say('memory of a session, its CONTROL link included', (sessionsBytes - emptyBytes) / SESSIONS, 'B');

const sids = [...state.sessions.copy()].map(({ sid }) => sid);
const anySid = () => sids[Math.floor(random() * sids.length)];
const pairs = new Int32Array(2 * LINKS);
for (let at = 0; at < 2 * LINKS; at += 2) {
  pairs[at] = anySid();
  do pairs[at + 1] = anySid();
  while (pairs[at + 1] === pairs[at]);
}
const beforeLinksBytes = usedBytes();
applyAll('ReportLink', state, 2 * LINKS, (n) => {
  const at = n & ~1;
  const [sid, peer] = n & 1 ? [pairs[at + 1], pairs[at]] : [pairs[at], pairs[at + 1]];
  return { kind: 'ReportLink', sid, peer, link: LinkType.TRANSPORT_UDP, established: true };
});
say('memory of a link', (usedBytes() - beforeLinksBytes) / LINKS, 'B');

for (const [what, links] of [
  ['path, transport only', [LinkType.TRANSPORT_UDP]],
  ['path, all links', []],
] as const) {
  const spentMs = Array.from({ length: 201 }, () => {
    const startedMs = performance.now();
    findPath(state.graph, anySid(), anySid(), links);
    return performance.now() - startedMs;
  });
  say(`${what}, median`, median(spentMs), 'ms');
  say(`${what}, longest`, spentMs.at(-1)!, 'ms');
}

const takenMs: number[] = [];
for (let round = 0; round < 15; round++) {
  const startedMs = performance.now();
  capture(state);
  takenMs.push(performance.now() - startedMs);
}
say('capture(), median', median(takenMs), 'ms');
say('capture(), longest', takenMs.at(-1)!, 'ms');
const victims = sids.slice(0, CHURN);
applyAll('CloseSession', state, CHURN, (n) => ({
  kind: 'CloseSession',
  sid: victims[n],
  reason: CloseReason.EXPIRED,
}));
applyAll('OpenSession after churn', state, CHURN, (n) => openSession(SESSIONS + n));

// Last, because two states of a million sessions keep the collector busy in all that comes after.
const taken = capture(state);
const restored = timed('restore, while reading the rows of a capture', () => {
  const restoring = new Restoring(state.limits);
  for (const row of rowsOf(taken)) restoring.add(row);
  return restoring.state;
});
if (restored.sessions.count !== state.sessions.count) throw new Error('not all came back');
