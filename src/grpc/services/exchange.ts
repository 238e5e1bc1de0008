import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ExchangeRequest, ExchangeResponse } from '../../../gen/switchyard/v1/transport_service.js';
import { Fault } from '../../core/model/fault.js';
import { originOfPeer } from '../../shares/origin.js';
import { type Accept, type Pipe, packetsOf, type Receiver } from '../../transport/pipe.js';
import { toError } from '../status.js';

/** One Exchange call: system events, a packet a message. */
export type ExchangeCall = ServerDuplexStream<ExchangeRequest, ExchangeResponse>;

/** What a call of Exchange asks of the connection that carries it. */
export interface ExchangeOwner {
  /** The client has shown a valid credential in the call. */
  vouched(): void;
  /** Resets the call, with whatever its client has not taken. */
  reset(): void;
}

/** A call as a pipe. Whole messages come and go, so there is never a part of a packet. */
class CallPipe implements Pipe {
  readonly remote: string;
  readonly connection: string;
  readonly copiesFrames = true;
  readonly partialBytes = 0;
  bufferedBytes = 0;
  /** It closes once everything that was written is gone; over: its client hears nothing more. */
  private state: 'open' | 'ending' | 'over' = 'open';

  constructor(
    private readonly call: ExchangeCall,
    private readonly owner: ExchangeOwner,
  ) {
    const { address, connection } = originOfPeer(call.getPeer());
    this.remote = address;
    this.connection = connection;
  }

  vouched(): void {
    this.owner.vouched();
  }

  /** Hands what comes to its receiver, until the call is over. */
  serve(receiver: Receiver, packetBytesMax: number): void {
    const { call } = this;
    call.on('data', ({ packet }: ExchangeRequest) => {
      if (packet.length <= packetBytesMax) receiver.packet(packet);
      else
        receiver.garbled(new Fault('TOO_LARGE', `a packet of ${packet.length} bytes; ${packetBytesMax} are the limit`));
    });
    call.on('end', () => receiver.ended());
    call.once('cancelled', () => {
      this.state = 'over';
      receiver.closed();
    });
    this.drained = () => receiver.drained();
  }

  write(frames: Uint8Array, sent?: () => void): void {
    if (this.state !== 'open') return;
    this.bufferedBytes += frames.length;
    const packets = [...packetsOf(frames)];
    for (const [at, packet] of packets.entries()) {
      const last = at === packets.length - 1;
      this.call.write({ packet: Buffer.from(packet) }, () => {
        if (!last) return;
        this.bufferedBytes -= frames.length;
        sent?.();
        if (this.bufferedBytes === 0) this.drained();
      });
    }
  }

  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  end(): void {
    if (this.state !== 'open') return;
    this.state = 'ending';
    this.call.resume();
    this.call.end();
  }

  /** A status waits behind what was written, so a client that does not take that is told with a reset. */
  destroy(): void {
    if (this.state === 'over') return;
    const takesAll = this.state === 'open' && this.bufferedBytes === 0;
    this.state = 'over';
    if (takesAll) this.call.emit('error', toError(new Fault('RATE_LIMITED', 'a bound of this connection was passed')));
    else this.owner.reset();
  }

  private drained: () => void = () => {};
}

/** Where system events go that come over gRPC, and how large their packets may be. */
export interface Exchange {
  readonly accept: Accept;
  readonly packetBytesMax: number;
}

/** Leads an Exchange call to the door of system events. */
export function exchange(call: ExchangeCall, { accept, packetBytesMax }: Exchange, owner: ExchangeOwner): void {
  const pipe = new CallPipe(call, owner);
  const receiver = accept(pipe);
  if (receiver === undefined) return;
  pipe.serve(receiver, packetBytesMax);
  if (call.cancelled) receiver.closed();
}
