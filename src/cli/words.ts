import { AuthMode, InstanceFlavor, InstanceType, LinkType } from '../client/index.js';

/** A link type's name for people. */
export function linkWord(link: LinkType): string {
  return wordOf(LinkType, link);
}

/** An instance type as people say it; those of a fleet's own meaning are their number. */
export function typeWord(type: InstanceType): string {
  return wordOf(InstanceType, type);
}

/** A flavor as people say it; those of a fleet's own meaning are their number. */
export function flavorWord(flavor: InstanceFlavor): string {
  return flavor === InstanceFlavor.UNSPECIFIED ? '-' : wordOf(InstanceFlavor, flavor);
}

/** A span of time, short: `250ms`, `30s`, `5m`, `2h`, `1d`. */
export function durationWord(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, unitMs]) => ms >= unitMs) ?? ['ms', 1];
  return `${Math.round((ms / size) * 10) / 10}${unit}`;
}

/** A moment as ISO 8601 has it; `-` where there is none, and `?` for one that no calendar has: servers can say such numbers. */
export function momentWord(at: Date | undefined): string {
  if (at === undefined) return '-';
  return Number.isNaN(at.getTime()) ? '?' : at.toISOString();
}

/** A number of things: `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The names of a fleet's own numbers are for languages with closed enums; they say no more than the number. */
const FLEET_OWN = /^FLEET_/;

function wordOf(names: Readonly<Record<number, string>>, value: number): string {
  const name = names[value];
  return name === undefined || FLEET_OWN.test(name) ? String(value) : name.toLowerCase();
}

/** A mode of the server, as `--auth` has it. */
export function authModeWord(mode: AuthMode): string {
  const words: Readonly<Record<number, string>> = {
    [AuthMode.OPEN]: 'open',
    [AuthMode.OBSERVE]: 'observe',
    [AuthMode.REQUIRED]: 'required',
  };
  return words[mode] ?? String(mode);
}
