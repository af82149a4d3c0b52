// SPDX-License-Identifier: Apache-2.0
// `npm test`: sets up what the tests need, as a user's first run would, then runs all of them. Ends with one line of
// counts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode, tooOld } from './node.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
const path = findNode();
if (path === null) {
  process.stdout.write(`npm test: ${tooOld()}0 passed, 1 failed\n`);
  process.exit(2);
}
const node = (...args) => run(path, args);

/** Steps before the tests; the first that fails ends it. */
const before = [
  { name: 'build', args: ['bin/build.js'] },
  { name: 'host', args: ['dist/test-tools.js'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'lint', args: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'] },
  { name: 'images', args: ['bin/lab.js', 'images', 'build'] },
  // Built on demand, and used by the fast part of the corpus and of the devices: no test shall wait for a compiler.
  {
    name: 'variants',
    args: [
      'bin/lab.js',
      'images',
      'build',
      '7.3.4-object',
      '7.3.4-object-v3',
      '7.3.4-object-integer',
      '7.3.4-keep',
      '7.3.4-page-bugs',
    ],
  },
];
for (const { name, args } of before) {
  const status = node(...args);
  if (status !== 0) {
    process.stdout.write(`npm test: ${name} failed\n0 passed, 1 failed\n`);
    process.exit(status);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lab-tests-'));
const report = join(folder, 'report.json');
const status = node(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
);
try {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  // A suite that could not even be loaded counts as a failure too.
  const failed = numFailedTests === 0 && numFailedTestSuites > 0 ? numFailedTestSuites : numFailedTests;
  process.stdout.write(
    `${numPassedTests} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}\n`,
  );
} catch {
  process.stdout.write('0 passed, 1 failed\n');
}
rmSync(folder, { recursive: true, force: true });
process.exit(status);
