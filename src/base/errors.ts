/** What was thrown, as an Error: anything else becomes the message of one. */
export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown));
}

/** The code of an error of the system or of Node, such as `ENOENT`; undefined where it has none. */
export function codeOf(thrown: unknown): string | undefined {
  if (!isError(thrown) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Whether a file is not there: it is missing, or what its path calls a folder is a file, as below a HOME of /dev/null. */
export function isAbsent(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** By its shape: errors of another realm, such as a worker's or a test's, are no instances of this one's Error. */
function isError(thrown: unknown): thrown is Error {
  if (typeof thrown !== 'object' || thrown === null || !('name' in thrown) || !('message' in thrown)) return false;
  return typeof thrown.name === 'string' && typeof thrown.message === 'string';
}
