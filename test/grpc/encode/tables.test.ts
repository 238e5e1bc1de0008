import { describe, expect, it } from '@jest/globals';
import { Connection } from '../../../gen/switchyard/v1/connection.js';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { EndpointClosed, NetworkDelta } from '../../../gen/switchyard/v1/network.js';
import { DirectConnectionRequest, DirectConnectionResponse } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import {
  StopStreamResponse_Result as Result,
  StopStreamRequest,
  StopStreamResponse,
} from '../../../gen/switchyard/v1/stream_service.js';

/*
 * Messages as an older implementation of the source tables writes them, byte by byte: a tag is
 * (field number << 3 | wire type), wire type 0 a varint and 2 a length with as many bytes.
 */
const bytes = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const text = (value: string) => Buffer.from(value).toString('hex');

const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';

describe('a message of an older implementation of the tables', () => {
  it('RQ_Session: instance_uuid 1, instance_type 2, instance_flavor 3', () => {
    const message = SessionRequest.decode(bytes(`0a 24 ${text(UUID)}  10 02  18 07`));
    expect(message).toEqual({
      ...{ instanceUuid: UUID, instanceType: 2, instanceFlavor: 7 },
      ...{ ttl: undefined, name: '', labels: {} },
    });
  });

  it('RS_Session: instance_sid 1, server_sid 2, server_uuid 3', () => {
    const message = SessionResponse.decode(bytes(`08 82 02  10 81 02  1a 24 ${text(UUID)}`));
    expect(message).toMatchObject({ instanceSid: 258, serverSid: 257, serverUuid: UUID, sessionToken: '' });
  });

  it('RQ_DirectConnection: cvid 1, type 2, port 3', () => {
    const message = DirectConnectionRequest.decode(bytes('08 82 02  10 01  18 bb 03'));
    expect(message).toMatchObject({ cvid: 258, type: LinkType.TRANSPORT_TCP, port: 443, candidates: [] });
    expect(DirectConnectionRequest.decode(bytes('08 82 02  10 02')).port).toBe(0);
  });

  it('RQ_Connection: host 1, port 2, type 3, also within RS_DirectConnection: request 1', () => {
    const connection = bytes(`0a 09 ${text('192.0.2.7')}  10 bb 03  18 02`);
    const wanted = { host: '192.0.2.7', port: 443, type: LinkType.TRANSPORT_UDP };
    expect(Connection.decode(connection)).toMatchObject(wanted);
    const response = Buffer.concat([bytes(`0a ${connection.length.toString(16)}`), connection]);
    expect(DirectConnectionResponse.decode(response).request).toMatchObject(wanted);
  });

  it('EV_EndpointClosed: cvid 1', () => {
    const message = EndpointClosed.decode(bytes('08 82 02'));
    expect(message).toEqual({ cvid: 258, reason: 0, position: undefined, instanceUuid: '', name: '' });
  });

  it('EV_NetworkDelta: node_added 1, node_removed 2, link_added 3, link_removed 4', () => {
    const delta = `
      0a 06  08 82 02  10 81 02
      12 03  08 82 04
      1a 08  08 81 02  10 82 02  18 01
      22 06  08 81 02  10 82 04`;
    expect(NetworkDelta.decode(bytes(delta))).toEqual({
      nodeAdded: [{ cvid: 258, parent: 257, instanceUuid: '', name: '', labels: {} }],
      nodeRemoved: [{ cvid: 514 }],
      linkAdded: [{ cvid1: 257, cvid2: 258, link: LinkType.TRANSPORT_TCP }],
      linkRemoved: [{ cvid1: 257, cvid2: 514, link: undefined }],
    });
  });

  it('RQ_StopStream: id 1', () => {
    expect(StopStreamRequest.decode(bytes('08 ff ff ff ff 07'))).toEqual({ id: 2 ** 31 - 1, validateOnly: false });
  });

  it('RS_StopStream: OK 0, INVALID 1', () => {
    expect(StopStreamResponse.decode(bytes(''))).toEqual({ result: Result.OK, stoppedIds: [] });
    expect(StopStreamResponse.decode(bytes('08 01'))).toEqual({ result: Result.INVALID, stoppedIds: [] });
  });

  it('is written by this implementation in the same bytes, where it adds nothing', () => {
    const request = SessionRequest.fromPartial({ instanceUuid: UUID, instanceType: 2, instanceFlavor: 7 });
    const wanted = bytes(`0a 24 ${text(UUID)}  10 02  18 07`);
    expect(Buffer.from(SessionRequest.encode(request).finish())).toEqual(wanted);
    const closed = EndpointClosed.fromPartial({ cvid: 258 });
    expect(Buffer.from(EndpointClosed.encode(closed).finish())).toEqual(bytes('08 82 02'));
  });
});
