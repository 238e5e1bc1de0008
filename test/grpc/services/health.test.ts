import type { Server } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { type HealthServer, HealthCheckResponse_ServingStatus as Serving } from '../../../gen/grpc/health/v1/health.js';
import { Health } from '../../../src/grpc/services/health.js';

describe('health', () => {
  it('stays at NOT_SERVING once the server serves no more, whatever becomes of a service', () => {
    const health = new Health(['one']);
    health.setServing('one', false);
    health.stopServing();
    health.setServing('one', true);
    expect(statuses(health)).toEqual({
      '': { status: Serving.NOT_SERVING },
      one: { status: Serving.NOT_SERVING },
    });
  });
});

/** What List answers. */
function statuses(health: Health): unknown {
  let answered: unknown;
  const addService = (_: unknown, { list }: HealthServer) =>
    list({} as never, (_error, answer) => {
      answered = answer?.statuses;
    });
  health.addTo({ addService } as unknown as Server);
  return answered;
}
