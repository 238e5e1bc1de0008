import { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';
import type { PeerStream } from './peer-stream.js';

/** Refuses a stream through the server: a request may be answered with a connection that the peer asked for less strictly. */
export function expectDirect(stream: PeerStream): PeerStream {
  if (stream.path === 'direct') return stream;
  const error = new SwitchyardError(
    StatusCode.ABORTED,
    'the connection goes through the server, which fallback none rules out',
  );
  stream.destroy(error);
  throw error;
}
