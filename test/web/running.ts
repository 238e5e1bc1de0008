import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { type Running, run } from '../grpc/running.js';

/** A server with a web door, and where that is. */
export interface RunningWeb extends Running {
  /** HOST:PORT. */
  readonly web: string;
}

/** Starts one. */
export async function runWeb(flags: Record<string, string> = {}): Promise<RunningWeb> {
  const at = await run({ 'web-listen': '127.0.0.1:0', ...flags });
  return { ...at, web: at.server.addresses.web };
}

/** An answer of HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request with any headers, as fetch does not let Host and Origin be set. */
export async function send(
  web: string,
  path: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  const [host, port] = web.split(':');
  const sent = request({ host, port, path, method, headers, agent: false });
  sent.on('error', () => {});
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('latin1')) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

/** A call with JSON, as curl makes it. */
export function post(
  web: string,
  path: string,
  message: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = JSON.stringify(message);
  return send(web, path, { headers: { 'content-type': 'application/json', ...headers }, body });
}
