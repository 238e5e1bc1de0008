/*
 * The feeds hold messages as bytes. These two lead them past grpc-js's serialization, so that nothing is encoded again for
 * each watcher.
 */

/** Bytes that are an encoded A, for a method whose definition is {@link passingBytes}. */
export function encoded<A>(bytes: Uint8Array): A {
  return bytes as unknown as A;
}

/** A method's definition whose answers are bytes already. */
export function passingBytes<D extends { readonly responseSerialize: unknown }>(definition: D): D {
  const responseSerialize = ({ buffer, byteOffset, length }: Uint8Array) => Buffer.from(buffer, byteOffset, length);
  return { ...definition, responseSerialize };
}
