import { HealthService } from '../../../gen/grpc/health/v1/health.js';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { ServerServiceService } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService } from '../../../gen/switchyard/v1/transport_service.js';

const SERVICES = [
  HealthService,
  IdentityServiceService,
  NetworkServiceService,
  ServerServiceService,
  SessionServiceService,
  StreamServiceService,
  TransportServiceService,
];

/** The paths of all methods of a server, reflection excepted. */
export const METHOD_PATHS: readonly string[] = SERVICES.flatMap((service) =>
  Object.values(service).map(({ path }) => path),
);
