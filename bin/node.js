// SPDX-License-Identifier: Apache-2.0
// Which Node runs the lab: the one that runs this, or the newer one that `npm ci` has installed beside the project.
// This file must load in any Node that is still in use.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The oldest major version that has what the lab uses. */
export const OLDEST_NODE = 24;

const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

/** True where the Node that runs this can run the lab. */
export function isNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= OLDEST_NODE;
}

/** The path of a Node that can run the lab; null where there is none. */
export function findNode() {
  if (isNewEnough()) return process.execPath;
  return existsSync(own) ? own : null;
}

/** What to say where there is none. */
export function tooOld() {
  return (
    `this is Node ${process.versions.node}, and the lab needs ${OLDEST_NODE} or newer; \`npm ci\` in the folder ` +
    'of the project installs one\n'
  );
}
