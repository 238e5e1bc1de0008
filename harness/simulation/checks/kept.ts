import type { Position } from '../../../gen/switchyard/v1/position.js';
import { StopStreamResponse_Result as Result } from '../../../gen/switchyard/v1/stream_service.js';
import type { Change } from '../../../src/core/model/change.js';
import { SESSION_METADATA } from '../../../src/grpc/caller.js';
import type { Check, Outcome } from '../check.js';
import { pictured } from '../clients/picture.js';
import { sidOfToken } from '../clients/token.js';
import type { ServerCall } from '../machine/server-call.js';
import type { Scene } from '../scene.js';

/**
 * **Durable**: no answer names a position that is not durable in that moment. **Kept**: what an answer says was done is in
 * the journal, at the position that it names.
 */
export class Kept implements Check {
  constructor(private readonly scene: Scene) {}

  wrote(call: ServerCall, message: unknown): void {
    this.isDurable(call.getPath(), message);
  }

  heard({ method, request, response, error, metadata }: Outcome): void {
    // A server that lets nobody look on while it writes is judged by what its clients have heard.
    if (error !== undefined || !this.isDurable(method, response)) return;
    const sid = sidOfToken(metadata[SESSION_METADATA]);
    if (this.isAsSaid(sid, method, request, response)) return;
    this.scene.verdict.fail(
      'Kept',
      `session ${sid} was told that ${method} ${show(request)} was done: ${show(response)}`,
    );
  }

  private isDurable(path: string, message: unknown): boolean {
    const { position, stream } = message as { position?: Position; stream?: { position?: Position } };
    for (const told of [position, stream?.position]) {
      if (told === undefined || Number(told.revision) <= this.scene.truth.last) continue;
      const text = `${path} answered with revision ${told.revision}; ${this.scene.truth.last} is durable`;
      this.scene.verdict.fail('Durable', text);
      return false;
    }
    return true;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the messages of the method that is named
  private isAsSaid(sid: number | undefined, method: string, request: any, response: any): boolean {
    const { truth } = this.scene;
    switch (method) {
      case 'Session':
        return this.some(response.position, (change) => {
          if (change.kind !== 'SessionOpened') return false;
          const { sid, uuid } = change.session;
          return sid === response.instanceSid && uuid === request.instanceUuid.toLowerCase();
        });
      case 'CreateStream':
      case 'UpdateStreamParams':
        return this.some(
          response.stream.position,
          (change) => change.kind === 'StreamPut' && change.stream.id === response.stream.id,
        );
      case 'TerminateStream':
        return this.some(
          response.position,
          (change) => change.kind === 'StreamStopped' && change.before.id === request.id,
        );
      case 'ReportLink': {
        const picture = truth.pictureAt(Number(response.position.revision));
        return picture.hasLink(pictured(sid!, request.peerCvid, request.link)) === response.inGraph;
      }
      case 'Answer':
        return truth.state.orders.get(sid!, request.orderId) === undefined;
      case 'TerminateSession':
        return request.cvid === 0 || truth.state.sessions.get(request.cvid) === undefined;
      case 'StopStream':
        if (response.result !== Result.OK || request.validateOnly) return true;
        return response.stoppedIds.every((id: number) => truth.state.streams.get(id) === undefined);
      default:
        return true;
    }
  }

  private some(position: Position, holds: (change: Change) => boolean): boolean {
    return this.scene.truth.at(Number(position.revision))?.changes.some(holds) ?? false;
  }
}

function show(message: unknown): string {
  return JSON.stringify(message, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}
