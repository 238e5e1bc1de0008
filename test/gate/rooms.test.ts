import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cyclesOf, importsOf, readSources } from './imports.mjs';

const PATH = 'docs/ARCHITECTURE.md';
/** A row of the table for a room of `src`: up to the room's name, what it is, and the rooms that it imports. */
const ROW = /^(\| `(src\/[^`]+)` \|.*\| )([^|]*)( \|)$/gm;
const ROOMS = rowsOf(readFileSync(PATH, 'utf8')).map(({ room }) => room);

const SOURCES = readSources('.', 'src');
const EDGES = importsOf(SOURCES);

if (process.env.UPDATE_DOCUMENT === '1') {
  const refreshed = (_: string, head: string, room: string, __: string, tail: string) =>
    head + importsOfRoom(room) + tail;
  writeFileSync(PATH, readFileSync(PATH, 'utf8').replace(ROW, refreshed));
}

function rowsOf(document: string): { readonly room: string; readonly imports: string }[] {
  return [...document.matchAll(ROW)].map(([, , room, imports]) => ({ room, imports }));
}

/** The innermost room of the table that has the file; `gen` for what is generated; undefined when there is none. */
function roomOf(path: string): string | undefined {
  if (path.startsWith('gen/')) return 'gen';
  const around = ROOMS.filter((room) => path === room || path.startsWith(`${room}/`));
  return around.sort((x, y) => y.length - x.length)[0];
}

/** The rooms that a room imports, types included, in alphabetical order and as the table writes them. */
function importsOfRoom(room: string): string {
  const others = EDGES.filter(({ from }) => roomOf(from) === room).map(({ to }) => roomOf(to));
  const names = [...new Set(others)].filter((other) => other !== undefined && other !== room);
  return names.length === 0
    ? 'nothing'
    : names
        .map((other) => other!.replace(/^src\//, ''))
        .sort()
        .join(', ');
}

/** Every import from a file under the first folder to a file under the second. */
function between(from: string, to: string): string[] {
  const found = EDGES.filter((edge) => edge.from.startsWith(`${from}/`) && edge.to.startsWith(`${to}/`));
  return found.map((edge) => `${edge.from} imports ${edge.to}`);
}

describe('the table of rooms in docs/ARCHITECTURE.md', () => {
  it('has a room for every file of src, and a file for every room', () => {
    expect(SOURCES.map(({ path }) => path).filter((path) => roomOf(path) === undefined)).toEqual([]);
    const used = new Set(SOURCES.map(({ path }) => roomOf(path)));
    expect(ROOMS.filter((room) => !used.has(room))).toEqual([]);
  });

  it.each(rowsOf(readFileSync(PATH, 'utf8')))(
    'names the rooms that $room imports, and no others',
    ({ room, imports }) => {
      expect(imports).toBe(importsOfRoom(room));
    },
  );
});

describe('the rooms of src', () => {
  it('do not import each other in a circle', () => {
    const top = (path: string) => path.split('/').slice(0, 2).join('/');
    expect(cyclesOf(EDGES.map(({ from, to }) => [top(from), top(to)] as const))).toEqual([]);
  });

  it('have no file that leads back to itself by its imports, those of types included', () => {
    expect(cyclesOf(EDGES.map(({ from, to }) => [from, to] as const))).toEqual([]);
  });

  it('have folders that import each other only where one of them holds the others', () => {
    const cycles = cyclesOf(EDGES.map(({ from, to }) => [dirname(from), dirname(to)] as const));
    const apart = cycles.filter(
      (cycle) => !cycle.some((outer) => cycle.every((one) => `${one}/`.startsWith(`${outer}/`))),
    );
    expect(apart).toEqual([]);
  });

  it('keep the doors apart: none of gRPC, system events, the rendezvous and the console imports another', () => {
    const doors = ['src/grpc', 'src/system', 'src/rendezvous', 'src/console'];
    const pairs = doors.flatMap((from) => doors.filter((to) => to !== from).map((to) => between(from, to)));
    expect(pairs.flat()).toEqual([]);
  });

  it('keep the core pure: it imports nothing of src outside itself, and its model and its store nothing above them', () => {
    const outside = EDGES.filter(({ from, to }) => from.startsWith('src/core/') && !to.startsWith('src/core/'));
    expect(outside).toEqual([]);
    const upwards = [
      ...between('src/core/model', 'src/core/store'),
      ...between('src/core/model', 'src/core/decide'),
      ...between('src/core/store', 'src/core/decide'),
    ];
    expect(upwards).toEqual([]);
  });

  it('let the doors, the feeds and the console read the state only: none imports what can write to it, or decides by itself', () => {
    const readers = ['src/grpc', 'src/system', 'src/web', 'src/console', 'src/feed', 'src/relay', 'src/shares'];
    const writers = ['core/store/state', 'core/store/evolve', 'core/decide/apply'].map((name) => `src/${name}.ts`);
    const found = EDGES.filter(
      ({ from, to }) => writers.includes(to) && readers.some((one) => from.startsWith(`${one}/`)),
    );
    expect(found).toEqual([]);
  });

  it('show the generated messages to the clients of the API, the doors that speak it, the journal, the log and other servers only', () => {
    const users = EDGES.filter(({ to }) => to.startsWith('gen/')).map(({ from }) => from.split('/')[1]);
    expect([...new Set(users)].sort()).toEqual(['cli', 'client', 'cluster', 'grpc', 'journal', 'log', 'web']);
  });

  it('let a browser load the client of system events: it imports the codec and the model, and no code of the server', () => {
    const rooms = EDGES.filter(({ from }) => from.startsWith('src/system/client/')).map(({ to }) => roomOf(to));
    expect([...new Set(rooms)].sort()).toEqual(['src/core/model', 'src/system/client', 'src/system/codec']);
  });
});
