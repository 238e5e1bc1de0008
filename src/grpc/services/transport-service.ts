import type {
  EnumerateTransportRequest,
  EnumerateTransportResponse,
  TransportServiceServer,
} from '../../../gen/switchyard/v1/transport_service.js';
import { Fault } from '../../core/model/fault.js';
import type { Backing } from '../backing.js';
import type { Calls } from '../call-handlers.js';
import { type ExchangeCall, exchange } from './exchange.js';

/** TransportService, as transport_service.proto documents it. */
export function transportService(calls: Calls): TransportServiceServer {
  const { backing } = calls;
  return {
    enumerateTransport: calls.anyone((request: EnumerateTransportRequest) => enumerate(backing, request)),
    exchange: calls.anyDuplex((call: ExchangeCall) =>
      exchange(call, backing.exchange, { vouched: () => calls.vouch(call), reset: () => calls.reset(call) }),
    ),
  };
}

function enumerate(
  { transports }: Backing,
  { codeName, encrypted }: EnumerateTransportRequest,
): EnumerateTransportResponse | Fault {
  const listed = transports.list({ codeName: codeName === '' ? undefined : codeName, encrypted });
  if (listed instanceof Fault) return listed;
  return { transports: listed.map((one) => ({ ...one, addresses: [...one.addresses] })) };
}
