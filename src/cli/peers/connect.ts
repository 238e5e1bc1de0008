import { createServer, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { type Address, formatAddress, parseAddress } from '../../base/address.js';
import { asError } from '../../base/errors.js';
import { ValueError } from '../../base/value-error.js';
import {
  type ConnectOptions,
  type Instance,
  InstanceType,
  type PathFacts,
  type PeerStream,
  SwitchyardError,
  UnendorsedPeerError,
} from '../../client/index.js';
import { withServer } from '../connection.js';
import { explain } from '../operate/explain.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { type KeyFlags, namedInstance, passingInstance, wantsProofs } from '../trust/own-key.js';
import { join, requestPort } from './forwarding.js';
import { PeerFinder } from './peer-finder.js';
import { pinsOf } from './peer-pins.js';
import { wayWords } from './way-words.js';

/** Options of commands that reach a peer. */
export interface ConnectFlags extends KeyFlags {
  readonly udp?: boolean;
  /** Whether and when it goes through the server. */
  readonly fallback?: ConnectOptions['fallback'];
  /** The instance to join as, for policies and for people. */
  readonly uuid?: string;
  readonly name?: string;
  /** The port at which others can reach this machine. */
  readonly listen?: number;
  readonly mapPorts?: boolean;
  readonly verbose?: boolean;
  /** Keys of which one has to stand behind the peer's: see {@link pinsOf}. */
  readonly peerKey?: readonly string[];
}

/** Options of `forward`. */
export interface ForwardFlags extends ConnectFlags {
  /** Ends when a connection cannot be made or the session ends, instead of waiting for the peer or the server. */
  readonly exitOnFailure?: boolean;
}

/** Standard input and output as a connection to a port of a peer: netcat, and ssh's ProxyCommand. */
export async function connectPort(
  who: string,
  port: number,
  flags: ConnectFlags,
  surroundings: Surroundings,
): Promise<void> {
  const pinned = { ...flags, pins: pinsOf(who, flags.peerKey, surroundings), exitOnFailure: true };
  await withPeer(who, pinned, surroundings, async (instance, peer) => {
    const stream = await reach(instance, peer.current, port, pinned, surroundings);
    await passThrough(stream, surroundings);
  });
}

/**
 * Listens here, and passes every connection on to a port of a peer, until Ctrl-C. A peer that restarts is another node, which
 * is looked for when a connection cannot be made.
 */
export async function forwardPort(
  local: string,
  who: string,
  port: number,
  flags: ForwardFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  surroundings.outliveOutput?.();
  const at = localAddress(local);
  const pinned = { ...flags, pins: pinsOf(who, flags.peerKey, surroundings) };
  await withPeer(who, flags, surroundings, async (instance, peer) => {
    const open = new Set<Socket>();
    let fail = (_error: Error) => {};
    const failed = new Promise<Error>((resolve) => {
      fail = resolve;
    });
    const pass = async (socket: Socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
      let isReached = false;
      try {
        const work = (cvid: number) => reach(instance, cvid, port, pinned, surroundings);
        const stream = await (flags.exitOnFailure ? work(peer.current) : peer.reach(work));
        isReached = true;
        await join(stream, socket);
      } catch (error) {
        // Reset it: a FIN would tell the local client that it has everything.
        socket.resetAndDestroy();
        if (flags.exitOnFailure && !isReached) fail(error as Error);
        else {
          const words = error instanceof SwitchyardError ? explain(error) : [asError(error).message];
          await terminal.err.writeLines(words);
        }
      }
    };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void pass(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(at.port, at.host, resolve);
    });
    const { port: bound } = server.address() as { port: number };
    await terminal.out.write(`forwarding ${formatAddress({ ...at, port: bound })} to port ${port} of ${peer.current}`);
    const stopped = new Promise<Error>((resolve) => {
      signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
    });
    const why = await Promise.race([stopped, failed, instance.ended]);
    server.close();
    for (const socket of open) socket.resetAndDestroy();
    throw why;
  });
}

/** Where to listen: PORT or HOST:PORT. */
function localAddress(text: string): Address {
  try {
    return parseAddress(text.includes(':') ? text : `127.0.0.1:${text}`);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError(`LOCAL: ${JSON.stringify(text)} must be PORT or HOST:PORT, such as 8080 or 127.0.0.1:8080`);
  }
}

/**
 * Copies both directions, as netcat does. Each ends for itself: the end of the input ends what is sent, and the input is sent
 * on after the peer has ended its direction. Rejects when a direction ends before it is complete.
 */
async function passThrough(stream: PeerStream, { input, output, signal }: Surroundings): Promise<void> {
  const broken = (error: Error) => stream.destroy(error);
  const stop = () => stream.destroy(signal.reason);
  finished(input, { writable: false }).catch(broken);
  output.on('error', broken);
  // The signal may have been aborted while the port was asked for; it calls no listener then.
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  input.pipe(stream);
  stream.pipe(output, { end: false });
  try {
    await finished(stream);
  } catch (error) {
    if (error instanceof SwitchyardError) throw error;
    throw new Failure(`the connection broke: ${asError(error).message}`);
  } finally {
    output.off('error', broken);
    signal.removeEventListener('abort', stop);
    input.destroy();
  }
}

async function withPeer(
  who: string,
  flags: ForwardFlags,
  surroundings: Surroundings,
  run: (instance: Instance, peer: PeerFinder) => Promise<void>,
): Promise<void> {
  const { signal, terminal } = surroundings;
  const say = (line: string) => void terminal.err.write(line);
  await withServer(flags, surroundings, async (yard) => {
    const moved = (cvid: number) => say(`${who} has restarted: it is ${cvid} now`);
    // Where the server wants to know who reads, that is the instance.
    const early = (await wantsProofs(yard, signal)) ? undefined : await PeerFinder.find(who, { yard, signal, moved });
    const reopen = flags.exitOnFailure !== true;
    const instance = yard.join({
      ...(flags.uuid === undefined
        ? await passingInstance(yard, 'connect', flags, surroundings)
        : await namedInstance(flags, surroundings)),
      type: InstanceType.CLIENT,
      reopen,
      name: flags.name ?? '',
      listenPort: flags.listen,
      mapPorts: flags.mapPorts,
    });
    if (reopen) instance.on('lost', (error) => say(`joining again: ${error.message}`));
    await run(instance, early ?? (await PeerFinder.find(who, { yard: instance, signal, moved })));
  });
}

function unendorsed({ message }: UnendorsedPeerError): Failure {
  const compare = 'Compare with what `switchyard key show` prints there. If it has another key now, pin that one.';
  return new Failure(message, [compare]);
}

async function reach(
  instance: Instance,
  cvid: number,
  port: number,
  flags: ConnectFlags & { readonly pins: readonly string[] | undefined },
  { terminal, signal, clock }: Surroundings,
): Promise<PeerStream> {
  const { udp, fallback, pins } = flags;
  const stream = await instance
    .connect(cvid, { transport: udp ? 'udp' : 'tcp', fallback, pins, signal })
    .catch((error: unknown) => Promise.reject(error instanceof UnendorsedPeerError ? unendorsed(error) : error));
  if (flags.verbose) {
    const way = stream.path === 'direct' ? 'directly' : 'through the server: see switchyard connections';
    await terminal.err.write(`${stream.connectionId}: connected to ${cvid} ${way}`);
    stream.on(
      'path',
      (facts: PathFacts) => void terminal.err.write(`${stream.connectionId}: ${wayWords(facts)} from now on`),
    );
  }
  const stop = () => stream.destroy(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await requestPort(stream, port, clock);
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
