import type { TransportServiceServer } from '../../gen/switchyard/v1/transport_service.js';
import type { Calls } from './calls.js';

/** TransportService, as transport_service.proto documents it. */
export function transportService(calls: Calls): TransportServiceServer {
  return {
    enumerateTransport: calls.absent(),
    exchange: calls.absentStream(),
  };
}
