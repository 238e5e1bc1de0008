import { StreamParams } from '../../../gen/switchyard/v1/stream.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { type Case, Cases, DURATIONS, each, LABELS, long, NAMES, pages, SIDS, type World } from './case.js';

/** Everything that can be wrong in a request to StreamService. */
export function streamCases(): readonly Case[] {
  const cases = new Cases();
  const wrong: Cases['wrong'] = (...args) => cases.wrong(...args);
  const refuse: Cases['refuse'] = (...args) => cases.refuse(...args);
  const params = (spoil: object) => StreamParams.fromPartial(spoil);
  const badParams: Record<string, { spoil: object; field: string }> = {
    'a timeout of half a millisecond': { spoil: { timeout: { seconds: 0n, nanos: 500_000 } }, field: 'timeout' },
    'a timeout of a nanosecond': { spoil: { timeout: { seconds: 0n, nanos: 1 } }, field: 'timeout' },
    'too small a timeout': { spoil: { timeout: { seconds: 0n, nanos: 999_999_999 } }, field: 'timeout' },
    'too large a timeout': { spoil: { timeout: { seconds: 2_073_601n, nanos: 0 } }, field: 'timeout' },
    'blocks of negative size': { spoil: { maxBlockBytes: -1 }, field: 'max_block_bytes' },
    'blocks that are too large': { spoil: { maxBlockBytes: 1_048_577 }, field: 'max_block_bytes' },
    'an unknown compression': { spoil: { compression: 2 }, field: 'compression' },
    'a negative compression': { spoil: { compression: -1 }, field: 'compression' },
  };
  each(DURATIONS, (what, timeout) => {
    badParams[`a timeout ${what}`] = { spoil: { timeout }, field: 'timeout' };
  });
  each(NAMES, (what, name) => {
    badParams[`a name ${what}`] = { spoil: { name }, field: 'name' };
  });
  each(LABELS, (what, { labels, at }) => {
    badParams[`labels: ${what}`] = { spoil: { labels }, field: `labels${at}` };
  });

  const create = ({ two }: World) => ({ params: undefined, sinkCvids: [two.sid], requestId: '' });
  const update = ({ stream }: World) => ({ id: stream.id, params: params({ name: 'n' }), updateMask: ['name'] });
  each(badParams, (what, { spoil, field }) => {
    wrong(Streams.createStream, 'one', create, what, { params: params(spoil) }, `params.${field}`);
    const updateMask = [field.replace(/\[.*/, '')];
    wrong(Streams.updateStreamParams, 'one', update, what, { params: params(spoil), updateMask }, `params.${field}`);
  });
  wrong(Streams.createStream, 'one', create, 'no sink', { sinkCvids: [] }, 'sink_cvids');
  wrong(Streams.createStream, 'one', create, 'oneself', ({ one }) => ({ sinkCvids: [one.sid] }), 'sink_cvids[0]');
  wrong(
    Streams.createStream,
    'one',
    create,
    'a sink twice',
    ({ two }) => ({ sinkCvids: [two.sid, two.sid] }),
    'sink_cvids[1]',
  );
  wrong(Streams.createStream, 'one', create, 'no SIDs', { sinkCvids: [0, -1] }, 'sink_cvids[0]', 'sink_cvids[1]');
  wrong(
    Streams.createStream,
    'one',
    create,
    'too many',
    { sinkCvids: Array.from({ length: 65 }, (_, at) => 1e6 + at) },
    'sink_cvids',
  );
  refuse(Streams.createStream, 'one', 'NODE_NOT_FOUND', 'a sink that is not there', ({ nobody, two }) => ({
    params: undefined,
    requestId: '',
    sinkCvids: [two.sid, nobody],
  }));
  refuse(Streams.createStream, 'one', 'NODE_NOT_FOUND', 'the server as a sink', ({ serverSid }) => ({
    params: undefined,
    requestId: '',
    sinkCvids: [serverSid],
  }));

  each(SIDS, (what, id) => {
    wrong(Streams.updateStreamParams, 'one', update, `an id that is ${what}`, { id }, 'id');
    wrong(Streams.terminateStream, 'one', () => ({ id: 1 }), `an id that is ${what}`, { id }, 'id');
    wrong(Streams.getStream, 'one', () => ({ id: 1 }), `an id that is ${what}`, { id }, 'id');
  });
  wrong(Streams.updateStreamParams, 'one', update, 'no mask', { updateMask: undefined }, 'update_mask');
  wrong(Streams.updateStreamParams, 'one', update, 'an empty mask', { updateMask: [] }, 'update_mask');
  wrong(
    Streams.updateStreamParams,
    'one',
    update,
    'a mask without end',
    { updateMask: Array(13).fill('name') },
    'update_mask',
  );
  const odd = ['name', 'id', 'labels.a', 'maxBlockBytes', ''];
  const paths = [1, 2, 3, 4].map((at) => `update_mask.paths[${at}]`);
  wrong(Streams.updateStreamParams, 'one', update, 'paths that are none', { updateMask: odd }, ...paths);
  refuse(Streams.updateStreamParams, 'two', 'NOT_STREAM_OWNER', 'by its sink', update);
  refuse(Streams.updateStreamParams, 'three', 'STREAM_NOT_FOUND', 'by a stranger', update);
  refuse(Streams.updateStreamParams, 'one', 'STREAM_NOT_FOUND', 'by its branch', (world) => ({
    ...update(world),
    id: world.stream.branch,
  }));

  refuse(Streams.terminateStream, 'two', 'NOT_STREAM_OWNER', 'by its sink', ({ stream }) => ({ id: stream.id }));
  refuse(Streams.terminateStream, 'three', 'STREAM_NOT_FOUND', 'by a stranger', ({ stream }) => ({ id: stream.id }));
  refuse(Streams.terminateStream, 'one', 'STREAM_NOT_FOUND', 'by its branch', ({ stream }) => ({ id: stream.branch }));
  refuse(Streams.terminateStream, 'one', 'STREAM_NOT_FOUND', 'an unknown one', () => ({ id: 2 ** 31 - 1 }));
  refuse(Streams.getStream, 'three', 'STREAM_NOT_FOUND', 'by a stranger', ({ stream }) => ({ id: stream.id }));
  refuse(Streams.getStream, 'admin', 'STREAM_NOT_FOUND', 'an unknown one', () => ({ id: 2 ** 31 - 1 }));

  const list = () => ({ pageSize: 0, pageToken: '', cvid: 0 });
  pages((what, page, field) => wrong(Streams.listStreams, 'one', list, what, page, field));
  wrong(Streams.listStreams, 'one', list, 'a negative SID', { cvid: -1 }, 'cvid');
  const after = { epoch: long(33), revision: 1n };
  wrong(Streams.watchStreams, 'one', () => ({ after: undefined }), 'an epoch without end', { after }, 'after.epoch');
  return cases.all;
}
