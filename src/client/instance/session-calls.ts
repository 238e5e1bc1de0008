import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import {
  LinkState,
  NetworkServiceService,
  type ReportLinkRequest,
  type ReportLinkResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import { type KeepAliveResponse, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import {
  type CreateStreamResponse,
  StreamServiceService,
  type TerminateStreamResponse,
  type UpdateStreamParamsResponse,
} from '../../../gen/switchyard/v1/stream_service.js';
import type { CallOptions, Complete } from '../channel/call.js';
import { Calls } from '../channel/calls.js';
import { type RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import { maskOf, type StreamSettings, streamParamsOf } from '../relay/stream-settings.js';
import { drawRequestId } from './request-id.js';

/** What may be told about a link besides whether it stands. */
export type LinkDetails = Partial<Pick<ReportLinkRequest, 'connectionId' | 'path' | 'roundTrip' | 'failed'>>;

/** The calls that only a session can make. Each renews it. While there is none, they wait for it. */
export abstract class SessionCalls extends Calls {
  /** Renews the session. An attached instance has no need to. */
  keepAlive(options: CallOptions = {}): Promise<Complete<KeepAliveResponse>> {
    return this.unary(SessionServiceService.keepAlive, {}, options);
  }

  /** Tells that a link to `peerCvid` stands. It is in the graph once both ends have told so. */
  linkEstablished(
    peerCvid: number,
    link: LinkType,
    options: CallOptions & LinkDetails = {},
  ): Promise<Complete<ReportLinkResponse>> {
    return this.reportLink(peerCvid, link, LinkState.ESTABLISHED, options);
  }

  /** Tells that a link to `peerCvid` is lost. It leaves the graph at once. */
  linkLost(
    peerCvid: number,
    link: LinkType,
    options: CallOptions & LinkDetails = {},
  ): Promise<Complete<ReportLinkResponse>> {
    return this.reportLink(peerCvid, link, LinkState.LOST, options);
  }

  /** Tells how a link of this session stands. The same word again changes nothing. */
  reportLink(
    peerCvid: number,
    link: LinkType,
    state: LinkState,
    options: CallOptions & LinkDetails = {},
  ): Promise<Complete<ReportLinkResponse>> {
    const { connectionId = '', path = 0, roundTrip, failed = false } = options;
    const request = { peerCvid, link, state, connectionId, path, roundTrip, failed };
    return this.unary(NetworkServiceService.reportLink, request, options);
  }

  /**
   * Registers a stream from this session to one or more sinks. Carries a request id, so that `retry` may repeat it: it is
   * registered once.
   */
  createStream(
    sinkCvids: readonly number[],
    settings: StreamSettings = {},
    options: CallOptions = {},
  ): Promise<Complete<CreateStreamResponse>> {
    const requestId = drawRequestId(this.caller.random);
    const request = { params: streamParamsOf(settings), sinkCvids: [...sinkCvids], requestId };
    return this.unary(StreamServiceService.createStream, request, options);
  }

  /** Changes the settings that are given, and no others. */
  updateStreamParams(
    id: number,
    settings: StreamSettings,
    options: CallOptions = {},
  ): Promise<Complete<UpdateStreamParamsResponse>> {
    const request = { id, params: streamParamsOf(settings), updateMask: maskOf(settings) };
    return this.unary(StreamServiceService.updateStreamParams, request, options);
  }

  /** Destroys a stream of this session with all its branches. */
  terminateStream(id: number, options: CallOptions = {}): Promise<Complete<TerminateStreamResponse>> {
    return this.unary(StreamServiceService.terminateStream, { id }, options);
  }

  /** Opens the end of a stream of this session that data goes into. */
  openSource(id: number, options: RelayOptions = {}): Promise<RelaySource> {
    return RelaySource.open(this.caller, id, options);
  }

  /** Opens a branch that leads to this session, to read what comes out of it. */
  openSink(branchId: number, options: RelayOptions = {}): Promise<RelaySink> {
    return RelaySink.open(this.caller, branchId, options);
  }
}
