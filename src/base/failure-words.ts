/**
 * What grpc-js says when it cannot reach a server, as people can read it: without its own bookkeeping, the moment, and what
 * OpenSSL writes of itself (the thread, the file and the line of its sources).
 */
export function failureWords(details: string): string {
  return details
    .replace(/\s*Resolution note:.*$/s, '')
    .replace(/^No connection established\. Last error: (?:Error: )?/, 'no connection: ')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replaceAll(/[0-9A-F]{8,}:error:[0-9A-F]+:([^:\n]*):[^:\n]*:([^:\n]*):[^\n]*/g, '$1: $2')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/[\s.]+$/, '');
}
