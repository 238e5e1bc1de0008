/* Where nodes stood when the page was last open, so that a fleet looks today as it did yesterday. Kept by the browser, one
 * record for each network of each server. */

import { DEFAULT_NETWORK } from './net/link.js';

const DATABASE = 'switchyard-console';
const STORE = 'places';

type Places = Map<string, readonly [number, number]>;

/** The name of a network's record. That of the default network is as it was when servers had one. */
export function placesKey(server: string, network: string): string {
  return network === DEFAULT_NETWORK ? server : `${server}/${network}`;
}

/** The places of a network's nodes, by UUID; empty where none are kept or nothing may be. */
export async function loadPlaces(key: string): Promise<Places> {
  try {
    const store = await open('readonly');
    const kept = await done<{ uuids: string[]; places: Float32Array } | undefined>(store.get(key));
    const { uuids = [], places } = kept ?? {};
    return new Map(uuids.map((uuid, at) => [uuid, [places![2 * at]!, places![2 * at + 1]!]]));
  } catch {
    return new Map();
  }
}

/** Keeps them. */
export async function savePlaces(key: string, places: Places): Promise<void> {
  try {
    const uuids = [...places.keys()];
    const store = await open('readwrite');
    await done(store.put({ uuids, places: Float32Array.from([...places.values()].flat()) }, key));
  } catch {
    // A browser that keeps nothing (a private window) lays out anew.
  }
}

let database: Promise<IDBDatabase> | undefined;

/** Opens what is kept before it is asked for: a browser takes 50 ms for it at first. */
export function preparePlaces(): void {
  // Whether it can be opened is the affair of those who ask for something.
  opened().catch(() => {});
}

async function open(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await opened()).transaction(STORE, mode).objectStore(STORE);
}

function opened(): Promise<IDBDatabase> {
  database ??= openDatabase();
  return database;
}

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return done(request);
}

function done<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
