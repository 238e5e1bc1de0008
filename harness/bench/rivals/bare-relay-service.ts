import type { MethodDefinition } from '@grpc/grpc-js';

const asIs = (bytes: Buffer) => bytes;
const how = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  return { path: `/bench.Relay/${name}`, requestStream, responseStream, ...how };
}

/** The service of the bare relay; messages are the bytes themselves. */
export const BARE_RELAY = {
  /** The data, answered with the count that the other end has taken. */
  push: method('Push', true, false),
  /** The data. */
  pull: method('Pull', false, true),
  /** The other end has taken so many bytes. */
  took: method('Took', false, false),
};
