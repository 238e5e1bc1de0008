import type { Compression, StreamParams } from '../../../gen/switchyard/v1/stream.js';
import { keysOf } from '../../base/tables.js';
import { durationOf } from '../duration.js';

/** How a stream should behave; what is not there stays at its default, or as it is. Bounds: `StreamParams`. */
export interface StreamSettings {
  readonly name?: string;
  /** After how long without data the stream stops by itself. 0: never. */
  readonly timeoutMs?: number;
  readonly maxBlockBytes?: number;
  readonly compression?: Compression;
  readonly deliveryConfirmation?: boolean;
  /** Replaced as a whole. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The paths of StreamParams, by the names they have here. */
const PATHS: Readonly<Record<keyof StreamSettings, string>> = {
  name: 'name',
  timeoutMs: 'timeout',
  maxBlockBytes: 'max_block_bytes',
  compression: 'compression',
  deliveryConfirmation: 'delivery_confirmation',
  labels: 'labels',
};

/** The settings as the proto has them. */
export function streamParamsOf(settings: StreamSettings): StreamParams {
  return {
    name: settings.name ?? '',
    timeout: settings.timeoutMs === undefined ? undefined : durationOf(settings.timeoutMs),
    maxBlockBytes: settings.maxBlockBytes ?? 0,
    compression: settings.compression ?? 0,
    deliveryConfirmation: settings.deliveryConfirmation ?? false,
    labels: { ...settings.labels },
  };
}

/** The field mask of the settings that are there. */
export function maskOf(settings: StreamSettings): string[] {
  return keysOf(PATHS).flatMap((name) => (settings[name] === undefined ? [] : PATHS[name]));
}
