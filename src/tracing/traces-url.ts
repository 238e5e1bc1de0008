/** What OTLP appends to a collector's address for traces. */
const TRACES_PATH = '/v1/traces';

/**
 * Where a collector takes traces, from its address: `http://127.0.0.1:4318` is `http://127.0.0.1:4318/v1/traces`, which may be given
 * as well. Throws with what is allowed.
 */
export function tracesUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error('must be an http or https URL, such as http://127.0.0.1:4318');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error(
      'must have no user and password: what the collector asks for is given by OTEL_EXPORTER_OTLP_HEADERS',
    );
  }
  if (url.search !== '' || url.hash !== '') throw new Error('must have no query and no fragment');
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith(TRACES_PATH) ? path : path + TRACES_PATH;
  return url.href;
}
