import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { asAdmin, ask } from '../../grpc/running.js';
import type { Member } from './member.js';
import type { Yard } from './yard.js';

/** One thing that happens to a fleet. */
export type Act = (yard: Yard) => Promise<unknown>;

const ESTABLISHED = 1;
const LOST = 2;

/** Whether orders reach it. */
export const isAttached = (member: Member) => member.orders !== undefined;

async function join(yard: Yard) {
  const member = await yard.open();
  if (yard.random.chance(0.6)) await member.attach(yard.at);
}

async function supersede(yard: Yard) {
  const [member] = yard.some(1) ?? [];
  if (member === undefined) return;
  const next = await yard.open(member.uuid);
  if (yard.random.chance(0.6)) await next.attach(yard.at);
}

async function leave(yard: Yard) {
  const [member] = yard.some(1) ?? [];
  if (member === undefined) return;
  yard.forget(member);
  const left = await yard.may(member.ask(yard.at, Sessions.terminateSession, { cvid: 0, reason: '' }));
  // The answer goes out before the session ends.
  while (left !== undefined && (await yard.may(ask(yard.at, Sessions.getSession, { cvid: member.sid }))) !== undefined);
}

/** An administrator ends a session: it agrees, refuses, or says nothing until the deadline. */
async function evict(yard: Yard) {
  const [member] = yard.some(1, isAttached) ?? [];
  if (member === undefined) return;
  const since = await member.renew(yard.at);
  const ended = ask(yard.at, Sessions.terminateSession, { cvid: member.sid, reason: 'Wartung, 整備' }, asAdmin());
  const answered = yard.may(ended);
  const { orderId } = await member.order('terminateSession', since);
  const how = yard.random.below(3);
  if (how === 0) await yard.pass(31);
  else
    await member.answer(yard.at, orderId, Buffer.from(yard.random.bytes(20)), how === 1 ? 0 : REASONS.INTERNAL, 'no');
  await answered;
  yard.forget(member);
}

function report(yard: Yard, [member, peer]: Member[], link: number, state: 1 | 2) {
  const request = { peerCvid: peer.sid, link, state, connectionId: '', path: 0, roundTrip: undefined, failed: false };
  return yard.may(member.ask(yard.at, Network.reportLink, request), member);
}

async function link(yard: Yard) {
  const pair = yard.some(2);
  if (pair === undefined) return;
  const type = yard.random.below(3);
  await report(yard, pair, type, ESTABLISHED);
  if (yard.random.chance(0.85)) await report(yard, pair.reverse(), type, ESTABLISHED);
  if (yard.random.chance(0.25)) await report(yard, pair, type, LOST);
}

/** Reports about links that may or may not be there. */
async function lose(yard: Yard) {
  const [member] = yard.some(1) ?? [];
  if (member === undefined) return;
  const { node } = (await yard.may(ask(yard.at, Network.getNode, { cvid: member.sid }))) ?? {};
  const links = node?.links.filter(({ link: type }) => type !== 0) ?? [];
  if (links.length === 0) return;
  const { peerCvid: cvid, link: type } = yard.random.pick(links);
  const peer = yard.members.find(({ sid }) => sid === cvid);
  if (peer !== undefined) await report(yard, [member, peer], type, LOST);
}

/** Parameters of a stream, of every kind. */
export function paramsOf(yard: Yard) {
  const { random } = yard;
  return {
    name: yard.name(),
    timeout: random.chance(0.3) ? { seconds: BigInt(random.between(1, 600)), nanos: 0 } : undefined,
    maxBlockBytes: random.pick([0, 1, 1_024, 1_048_576]),
    compression: random.below(2),
    deliveryConfirmation: random.chance(0.5),
    labels: yard.labels(),
  };
}

async function create(yard: Yard) {
  const ends = yard.some(2 + yard.random.below(5));
  if (ends === undefined) return;
  const [owner, ...sinks] = ends;
  const sinkCvids = sinks.map(({ sid }) => sid);
  await yard.may(owner.ask(yard.at, Streams.createStream, { params: paramsOf(yard), sinkCvids, requestId: '' }), owner);
}

/** A stream of somebody, as an administrator finds it. */
async function someStream(yard: Yard) {
  const [member] = yard.some(1) ?? [];
  if (member === undefined) return undefined;
  const request = { pageSize: 0, pageToken: '', cvid: member.sid };
  const { streams } = await ask(yard.at, Streams.listStreams, request, asAdmin());
  if (streams.length === 0) return undefined;
  const stream = yard.random.pick(streams);
  const ends = [stream.ownerCvid, ...stream.sinks.map(({ cvid }) => cvid)];
  return { stream, by: yard.members.find(({ sid }) => sid === yard.random.pick(ends)) };
}

const MASKS = ['name', 'timeout', 'max_block_bytes', 'compression', 'delivery_confirmation', 'labels', '*'];

async function update(yard: Yard) {
  const { stream, by } = (await someStream(yard)) ?? {};
  if (stream === undefined || by === undefined) return;
  const updateMask = [...new Set([yard.random.pick(MASKS), yard.random.pick(MASKS)])];
  const request = { id: stream.id, params: paramsOf(yard), updateMask };
  await yard.may(by.ask(yard.at, Streams.updateStreamParams, request), by);
}

/** Ends a stream or a branch of it: from the source, from a sink, by its owner or by an administrator. */
async function stop(yard: Yard) {
  const { stream, by } = (await someStream(yard)) ?? {};
  if (stream === undefined || by === undefined) return;
  const { random } = yard;
  const id = random.pick([stream.id, ...stream.sinks.map((sink) => sink.id)]);
  const how = random.below(3);
  if (how === 0) await yard.may(by.ask(yard.at, Streams.terminateStream, { id: stream.id }), by);
  else if (how === 1) await yard.may(by.ask(yard.at, Streams.stopStream, { id, validateOnly: false }), by);
  else await ask(yard.at, Streams.stopStream, { id, validateOnly: false }, asAdmin());
}

/** Commands of one batch of which the first takes the ground from the others: they are stored, and refused when applied. */
async function loseGround(yard: Yard) {
  const ends = yard.some(3);
  if (ends === undefined) return;
  const [goer, owner, peer] = ends;
  for (const member of ends) if ((await yard.may(member.renew(yard.at), member)) === undefined) return;
  const established = { link: 1, state: 1 as const, connectionId: '', path: 0, roundTrip: undefined, failed: false };
  await yard.together(() => [
    yard.open(goer.uuid),
    owner.ask(yard.at, Streams.createStream, {
      params: paramsOf(yard),
      sinkCvids: [goer.sid, peer.sid],
      requestId: '',
    }),
    peer.ask(yard.at, Network.reportLink, { peerCvid: goer.sid, ...established }),
    goer.ask(yard.at, Network.reportLink, { peerCvid: owner.sid, ...established }),
  ]);
}

async function reattach(yard: Yard) {
  const [member] = yard.some(1, isAttached) ?? [];
  if (member === undefined) return;
  await member.detach(yard.at);
  await yard.pass(yard.random.pick([1, 3]));
  await yard.may(member.attach(yard.at), member);
}

async function passTime(yard: Yard) {
  await yard.pass(yard.random.pick([1, 2, 4, 7]));
}

/** An order to end that is still open when the history ends. */
export async function leaveOrderOpen(yard: Yard): Promise<void> {
  const [member] = yard.some(1, isAttached) ?? [];
  if (member === undefined) throw new Error('nobody is left to end');
  const since = await member.renew(yard.at);
  void yard
    .may(ask(yard.at, Sessions.terminateSession, { cvid: member.sid, reason: 'open' }, asAdmin()))
    .catch(() => {});
  await member.order('terminateSession', since);
  yard.forget(member);
}

/** What happens to sessions, links and streams, and how often. */
export const ACTS: readonly (readonly [Act, number])[] = [
  [join, 18],
  [supersede, 6],
  [leave, 5],
  [evict, 1],
  [link, 20],
  [lose, 6],
  [create, 16],
  [update, 10],
  [stop, 10],
  [loseGround, 4],
  [reattach, 2],
  [passTime, 2],
];
