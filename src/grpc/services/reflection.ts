import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { fileDescriptors } from '../../../gen/descriptors.js';
import { Fault } from '../../core/model/fault.js';
import { toError } from '../status.js';

type Call = ServerDuplexStream<unknown, unknown>;
type Handlers = { ServerReflectionInfo(call: Call): void };

/**
 * Server reflection, v1 and v1alpha, so that `buf curl`, grpcurl and their like need no files.
 *
 * @grpc/reflection makes its own files out of what proto-loader loaded, and loses imports on the way; so it is given the
 * descriptors themselves. It also answers without a look at whether anybody reads: that is mended here.
 */
export class Reflection {
  private readonly calls = new Set<Call>();

  /** Answers on a server while it is offered, which is asked for each call and each of its answers. */
  addTo(server: Server, isOffered: () => boolean): void {
    const fileDescriptorProtos = fileDescriptors.map((file) => Buffer.from(file, 'base64'));
    // Of a package definition the reflection service reads nothing but the descriptors.
    const files = { switchyard: { fileDescriptorProtos } } as unknown as ConstructorParameters<
      typeof ReflectionService
    >[0];
    new ReflectionService(files).addToServer({
      addService: (definition, handlers) => {
        const { ServerReflectionInfo: answer } = handlers as unknown as Handlers;
        server.addService(definition, { ServerReflectionInfo: (call: Call) => this.take(call, answer, isOffered) });
      },
    });
  }

  /** Ends all calls. */
  end(): void {
    for (const call of this.calls) call.end();
  }

  private take(call: Call, answer: (call: Call) => void, isOffered: () => boolean): void {
    if (!isOffered()) {
      refuse(call);
      return;
    }
    this.calls.add(call);
    call.once('cancelled', () => this.calls.delete(call));
    oneAtATime(call, isOffered);
    answer(call);
  }
}

function refuse(call: Call): void {
  call.emit('error', toError(new Fault('UNIMPLEMENTED', 'reflection is off in the mode required (--reflection)')));
}

/**
 * Listens to nothing more of a client until it has taken the last answer. The answers that wait in grpc-js are counted
 * nowhere, and a request of 20 bytes has an answer of many KiB. A call that was open before reflection went off ends with its
 * next request.
 */
function oneAtATime(call: Call, isOffered: () => boolean): void {
  const write = call.write.bind(call) as (message: unknown, written: () => void) => boolean;
  let unwritten = 0;
  call.write = ((message: unknown) => {
    if (!isOffered()) {
      call.pause();
      refuse(call);
      return false;
    }
    if (unwritten++ === 0) call.pause();
    return write(message, () => {
      if (--unwritten === 0) call.resume();
    });
  }) as typeof call.write;
}
