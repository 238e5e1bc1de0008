import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Place } from '../../admission/place.js';
import { Fault } from '../../core/model/fault.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';
import type { Accept, Pipe, Receiver } from '../../transport/pipe.js';
import { FrameReader } from '../codec/frame.js';

/** After so much quiet the system asks whether the other end is there, and closes the socket when it is not. */
export const PROBE_AFTER_MS = 30_000;

/** What a pipe needs to know besides its socket. */
export interface SocketPipeOptions {
  /** The largest packet. */
  readonly maxBlockBytes: number;
  /** What its TLS connection has shown. */
  readonly certificate?: CertificateClaim | undefined;
}

/** A socket, or TLS over one, as a pipe: frames as they are. */
class SocketPipe implements Pipe {
  private readonly frames: FrameReader;
  readonly certificate: CertificateClaim | undefined;

  constructor(
    private readonly socket: Socket,
    { maxBlockBytes, certificate }: SocketPipeOptions,
  ) {
    this.certificate = certificate;
    this.frames = new FrameReader(maxBlockBytes);
  }

  get remote(): string {
    return this.socket.remoteAddress ?? '';
  }

  get copiesFrames(): boolean {
    return this.socket instanceof TLSSocket;
  }

  get place(): Place | undefined {
    return Place.of(this.socket);
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get partialBytes(): number {
    return this.frames.heldBytes;
  }

  /** Hands what comes to its receiver, until the socket closes. */
  serve(receiver: Receiver): void {
    const { socket, frames } = this;
    socket.on('data', (chunk) => {
      const before = frames.heldBytes;
      const flaw = frames.push(chunk, (packet) => receiver.packet(packet));
      if (flaw !== undefined) {
        socket.removeAllListeners('data');
        socket.resume();
        receiver.garbled(new Fault(flaw.reason, flaw.description));
      } else if (frames.heldBytes !== before) receiver.partial(frames.heldBytes);
    });
    socket.on('drain', () => receiver.drained());
    socket.on('end', () => receiver.ended());
    socket.on('close', () => receiver.closed());
  }

  write(frames: Uint8Array, sent?: () => void): void {
    this.socket.write(frames, (error) => {
      if (!error) sent?.();
    });
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    // What the other end still says is not read any more, but has to be taken off the socket for it to close.
    this.socket.resume();
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Makes every socket a pipe and hands it over. Its server allows half-open ones: who has ended its side still gets its answers. */
export function servePipe(socket: Socket, options: SocketPipeOptions, accept: Accept): void {
  // An error closes the socket, and 'close' tells.
  socket.on('error', () => {});
  socket.setNoDelay(true);
  socket.setKeepAlive(true, PROBE_AFTER_MS);
  const pipe = new SocketPipe(socket, options);
  const receiver = accept(pipe);
  if (receiver !== undefined) pipe.serve(receiver);
}
