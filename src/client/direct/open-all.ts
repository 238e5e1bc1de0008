/**
 * Waits for everything that is being opened, and answers with all of it. When one of them cannot be opened the others are
 * closed: there is nobody else who knows of them.
 */
export async function openAll<T>(opening: readonly Promise<T>[], close: (opened: T) => void): Promise<T[]> {
  const outcomes = await Promise.allSettled(opening);
  const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return opened;
  for (const one of opened) close(one);
  throw failed.reason;
}
