import { StreamParams as Params, type StreamParams as ParamsMessage } from '../../../gen/switchyard/v1/stream.js';
import { keysOf } from '../../base/tables.js';
import { type Checked, wholeMs } from '../../core/decide/check.js';
import { DEFAULT_STREAM_PARAMS, type StreamParams } from '../../core/model/stream.js';
import { msOf } from '../encode/duration.js';

/** The fields of StreamParams by the path that a FieldMask names them with, and what the core calls each. */
const FIELD_OF_PATH = {
  name: 'name',
  timeout: 'timeoutMs',
  max_block_bytes: 'maxBlockBytes',
  compression: 'compression',
  delivery_confirmation: 'deliveryConfirmation',
  labels: 'labels',
} as const satisfies Record<string, keyof StreamParams>;

const PATHS = keysOf(FIELD_OF_PATH);
/** Every path, and as many again that are said twice. */
const MASK_PATHS_MAX = 2 * PATHS.length;

/** All parameters of a new stream: those that were given, and defaults. */
export function readParams(checked: Checked, message: ParamsMessage | undefined): StreamParams {
  const params = message === undefined ? DEFAULT_STREAM_PARAMS : valuesOf(message);
  checked.streamParams('params', params);
  return { ...params, timeoutMs: wholeMs(params.timeoutMs) };
}

/** The parameters that a mask names. Those that it does not name are not even looked at. */
export function readMaskedParams(
  checked: Checked,
  message: ParamsMessage | undefined,
  paths: readonly string[] | undefined,
): Partial<StreamParams> {
  if (paths === undefined || paths.length === 0) checked.wrong('update_mask', 'at least one path is needed');
  if ((paths?.length ?? 0) > MASK_PATHS_MAX) checked.wrong('update_mask', `${MASK_PATHS_MAX} paths are the limit`);
  const values = valuesOf(message ?? Params.create());
  const named: Partial<Record<keyof StreamParams, unknown>> = {};
  (paths ?? []).slice(0, MASK_PATHS_MAX).forEach((path, at) => {
    const known = path === '*' ? PATHS : PATHS.filter((one) => one === path);
    if (known.length === 0) checked.wrong(`update_mask.paths[${at}]`, `not a parameter; ${PATHS.join(', ')} and * are`);
    for (const one of known) named[FIELD_OF_PATH[one]] = values[FIELD_OF_PATH[one]];
  });
  const read = named as Partial<StreamParams>;
  checked.streamParams('params', read);
  return read.timeoutMs === undefined ? read : { ...read, timeoutMs: wholeMs(read.timeoutMs) };
}

function valuesOf({ name, timeout, maxBlockBytes, compression, deliveryConfirmation, labels }: ParamsMessage) {
  return {
    name,
    timeoutMs: msOf(timeout),
    maxBlockBytes: maxBlockBytes === 0 ? DEFAULT_STREAM_PARAMS.maxBlockBytes : maxBlockBytes,
    compression,
    deliveryConfirmation,
    labels,
  } satisfies StreamParams;
}
