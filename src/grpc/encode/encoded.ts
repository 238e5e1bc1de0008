import type { ServerInterceptor } from '@grpc/grpc-js';
import { Frames } from './frames.js';

/*
 * The feeds hold messages as bytes. These lead them past grpc-js's serialization, so that nothing is encoded again for
 * each watcher.
 */

/** Bytes that are an encoded A, for a method whose definition is {@link passingBytes}. */
export function encoded<A>(bytes: Uint8Array): A {
  return bytes as unknown as A;
}

/** A method's definition whose answers are bytes already. */
export function passingBytes<D extends { readonly responseSerialize: unknown }>(definition: D): D {
  return { ...definition, responseSerialize: asBuffer };
}

/** Whether a method's definition is {@link passingBytes}. */
export function isPassingBytes({ responseSerialize }: { readonly responseSerialize: unknown }): boolean {
  return responseSerialize === asBuffer;
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/**
 * Gives the calls of such methods one frame for all of them, where grpc-js would copy each message for each watcher, and
 * leave each copy to the garbage collector.
 *
 * The method that does it is a private one of grpc-js. Where a version has none of that name, it copies as it likes.
 */
export function shareFrames(): ServerInterceptor {
  const frames = new Frames();
  const share = (message: Uint8Array) => frames.of(message);
  return ({ responseSerialize }, call) => {
    const inner = call as unknown as { serializeMessage?: unknown };
    if (responseSerialize === asBuffer && 'serializeMessage' in inner) inner.serializeMessage = share;
    // The interceptor adds nothing else, so the call itself will do; its declared type is only wider than what is used.
    return call as ReturnType<ServerInterceptor>;
  };
}
