#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';

const main = new URL('../dist/lab.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write('lab: not built yet; run `npm ci` (or `npm run build`) in the folder of the project\n');
  process.exit(2);
}
await import(main.href);
