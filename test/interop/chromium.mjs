import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

/** Names that Chromium and its relatives go by. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ELSEWHERE = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where a Chromium is on this machine. Throws with what to install when there is none. */
function findChromium() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...ELSEWHERE];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error('no Chromium: sudo apt-get install chromium (macOS: brew install chromium)');
  return found;
}

/** Starts it without a window. Root has no sandbox for it. */
export function launchChromium() {
  return chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
}
