import { WireReader } from '../../protowire/reader.js';

/** Commands that are designed and that no release has written yet, by their numbers in command.proto, and the format they will need. */
export const PLANNED_COMMANDS: ReadonlyMap<number, readonly [name: string, format: number]> = new Map([
  [21, ['UseRules', 4]],
]);

const TAG_TYPE_BITS = 3;

/** What to call the command in a record that this build has no message for: by its name where it was planned. */
export function unknownCommand(content: Uint8Array): string {
  const wire = new WireReader(Buffer.from(content.buffer, content.byteOffset, content.length));
  const number = content.length === 0 ? 0 : wire.varint() >>> TAG_TYPE_BITS;
  if (number === 0 || !wire.isSound) return 'no command';
  const [name, format] = PLANNED_COMMANDS.get(number) ?? [];
  return name === undefined ? `command ${number}` : `the command ${name} (${number}) of format ${format}`;
}
