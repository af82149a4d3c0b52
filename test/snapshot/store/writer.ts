// SPDX-License-Identifier: Apache-2.0
// A second process of the lab for the tests: writes a ladder and publishes it, or waits before that to be killed; or
// finds one and holds it.
import { SnapshotStore } from '../../../src/snapshot/index.js';
import { begin, fill, KEY } from './box.js';

const [what = '', root = ''] = process.argv.slice(2);
const store = new SnapshotStore(root, 2 ** 30);

if (what === 'hold') {
  const found = await store.find(KEY, { upTo: 'jump' });
  process.stdout.write(`${found.state}\n`);
} else {
  const draft = await begin(store);
  const contents = fill(draft);
  if (what === 'publish') process.stdout.write(`${(await draft.publish(contents)).state}\n`);
  else process.stdout.write('written\n');
}
if (what !== 'publish') setInterval(() => undefined, 1000);
