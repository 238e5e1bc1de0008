import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NetworkServiceService, WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { GrpcChannel, SwitchyardError } from '../../../src/client/index.js';
import type { Started } from '../parts/process.js';

/** Clients that ask without a pause, as in the prototype's figures. */
const CLIENTS = 12;
const ASK_MS = 4_000;
const CALL_MS = 10_000;
const CHANGES = 500;
const EVERY_MS = 10;
/** How long clients ask before something happens to the server that leads, and after it. */
const BEFORE_MS = 1_000;
const AFTER_MS = 8_000;
/** A moment's rest for a client whose call failed. */
const REFUSED_MS = 20;

/** Times that were taken one by one, in ms. */
export interface Times {
  readonly p50: number;
  readonly p99: number;
}

/** How long commands take at these servers with 12 clients in all. */
export async function commandTimes(servers: readonly Started[]): Promise<Times> {
  const tookMs: number[] = [];
  await whileAsked(servers, { asked: (startMs, endMs) => tookMs.push(endMs - startMs) }, () => sleep(ASK_MS));
  return timesOf(tookMs);
}

/** The longest time in which no client of the servers that stay is acknowledged anything, once something happens. */
export async function longestSilence(staying: readonly Started[], happen: () => unknown): Promise<number> {
  const answeredMs: number[] = [];
  let fromMs = 0;
  await whileAsked(staying, { asked: (_startMs, endMs) => answeredMs.push(endMs) }, async () => {
    await sleep(BEFORE_MS);
    fromMs = performance.now();
    await happen();
    await sleep(AFTER_MS);
  });
  const moments = [fromMs, ...answeredMs.filter((ms) => ms > fromMs).sort((x, y) => x - y)];
  if (moments.length === 1) throw new Error('nothing was acknowledged any more');
  return Math.max(...moments.slice(1).map((ms, at) => ms - moments[at]));
}

/** The time from an acknowledgement at one server until a watcher of another one has the change. */
export async function arrivalTimes(at: Started, watched: Started): Promise<Times> {
  const [asking, watching] = [channelOf(at), channelOf(watched)];
  const over = new AbortController();
  const seenMs = new Map<bigint, number>();
  const follow = async () => {
    const request = WatchNetworkDeltaRequest.create();
    const call = { signal: over.signal, metadata: {} };
    const messages = watching.serverStream(NetworkServiceService.watchNetworkDelta, request, call);
    for await (const { position } of messages) if (position) seenMs.set(position.revision, performance.now());
  };
  const following = follow().catch((error) => {
    if (!over.signal.aborted) throw error;
  });
  await sleep(1_000);
  const answered: { readonly revision: bigint; readonly ms: number }[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const { position } = await open(asking, randomUUID());
    answered.push({ revision: position!.revision, ms: performance.now() });
    await sleep(EVERY_MS);
  }
  await sleep(1_000);
  over.abort();
  await following;
  for (const channel of [asking, watching]) channel.close();
  const revisions = [...seenMs.keys()].sort((x, y) => (x < y ? -1 : 1));
  // A message carries all that one turn brought, and names the last of it.
  return timesOf(
    answered.map(({ revision, ms }) => {
      const told = revisions.find((seen) => seen >= revision);
      if (told === undefined) throw new Error(`the watcher was not told of revision ${revision}`);
      return Math.max(0, seenMs.get(told)! - ms);
    }),
  );
}

async function whileAsked(
  servers: readonly Started[],
  { asked }: { asked(startMs: number, endMs: number): void },
  during: () => Promise<void>,
): Promise<void> {
  const channels = servers.map(channelOf);
  let isOver = false;
  const ask = async (channel: GrpcChannel) => {
    const uuid = randomUUID();
    while (!isOver) {
      const startMs = performance.now();
      try {
        await open(channel, uuid);
        asked(startMs, performance.now());
      } catch (error) {
        if (!(error instanceof SwitchyardError)) throw error;
        await sleep(REFUSED_MS);
      }
    }
  };
  const asking = Array.from({ length: CLIENTS }, (_, at) => ask(channels[at % channels.length]));
  await during();
  isOver = true;
  await Promise.all(asking);
  for (const channel of channels) channel.close();
}

function open(channel: GrpcChannel, instanceUuid: string) {
  const request = { instanceUuid, instanceType: 2, name: 'bench' };
  const call = { timeoutMs: CALL_MS, metadata: {}, signal: AbortSignal.timeout(2 * CALL_MS) };
  return channel.unary(SessionServiceService.session, SessionRequest.create(request), call);
}

function channelOf({ port }: Started): GrpcChannel {
  return new GrpcChannel(`127.0.0.1:${port}`);
}

function timesOf(tookMs: readonly number[]): Times {
  const sorted = [...tookMs].sort((x, y) => x - y);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)];
  return { p50: at(0.5), p99: at(0.99) };
}
