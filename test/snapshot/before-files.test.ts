// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { operationsBeforeFiles } from '../../src/snapshot/index.js';

const FIRST = 'from: a\nto: b\nsteps:\n  - create: vm0\n  - memfd: {name: ram, size: 1MiB}\n';
const JUMP = '  - preserve: {session: vm0, file: ram, token: 1}\n  - kexec\n';
const digest = (next: string) => operationsBeforeFiles(parseScenario(FIRST + JUMP + next, 'x.yaml').steps);
const RETRIEVE = '  - retrieve: {session: vm0, token: 1}\n';

it('is the same for scenarios that do the same before the first file, and nothing else', () => {
  const one = digest(`  - retrieve: vm0\n${RETRIEVE}  - finish: vm0\n`);
  expect(one).toMatch(/^[0-9a-f]{16}$/);
  expect(digest(`  - retrieve: vm0\n  - retrieve: {session: vm0, token: 1, errno: EIO}\n`)).toBe(one);
  const short = parseScenario('from: a\nto: b\nsessions: [{name: vm0, files: [{name: ram, memfd: 1MiB}]}]\n', 'y.yaml');
  expect(operationsBeforeFiles(short.steps)).toBe(one);
  expect(digest(`  - open\n  - retrieve: vm0\n${RETRIEVE}`)).not.toBe(one);
});

it('is none if no file is retrieved, or something comes before that cannot be replayed', () => {
  expect(digest('  - retrieve: vm0\n')).toBeNull();
  expect(digest(`  - exec: 'true'\n  - retrieve: vm0\n${RETRIEVE}`)).toBeNull();
  expect(digest(`  - client: other\n  - retrieve: vm0\n${RETRIEVE}`)).toBeNull();
});
