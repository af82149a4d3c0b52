// SPDX-License-Identifier: Apache-2.0
// The emulated host of `npm run hosts -- --kvm`: its commands and answers. No machine is started.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { answerIn, emulatedArgs } from '../../../src/measure/hosts/kvm/emulated.js';
import { INSIDE } from '../../../src/measure/hosts/kvm/inside.js';
import { readOptions } from '../../../src/measure/hosts/options.js';
import { mustRun } from '../../../src/util/process/command.js';

it('is one Debian 13 with an unprivileged user, unless others are asked for', () => {
  expect(readOptions(['--kvm']).plans).toEqual([{ suite: 'trixie', user: 'user', node: '20' }]);
  expect(readOptions(['--kvm', '--suites', 'forky', '--users', 'root']).plans).toMatchObject([
    { suite: 'forky', user: 'root' },
  ]);
});

it('has SVM, and no XSAVE, which QEMU 7.2 does not handle in nested guests', () => {
  const args = emulatedArgs({ dir: '/d', kernel: '/k', initrd: '/i', init: 'srv/inside.sh' });
  expect(args[args.indexOf('-cpu') + 1]).toMatch(/^max,la57=off,xsave=off/);
  expect(args[args.indexOf('-append') + 1]).toContain('init=/srv/inside.sh');
});

it.each([
  ['0 -aGVsbG8K -', { code: 0, stdout: 'hello\n', stderr: '' }],
  ['3 - -b29wcw==', { code: 3, stdout: '', stderr: 'oops' }],
])('an answer is read: %s', (line, result) => expect(answerIn(line)).toMatchObject(result));

it.each(['', 'ready', '0 - ', '1000 - -', '0 -a"b -'])('another line is no answer: %s', (line) => {
  expect(() => answerIn(line)).toThrow('cannot be read');
});

it('the first program answers a command in that form', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lab-test-'));
  try {
    // Its loop alone, with files in place of the port, and this user for all.
    const loop = INSIDE.slice(INSIDE.indexOf('while read'), INSIDE.indexOf('sync; echo o'))
      .replaceAll('/run/', `${dir}/`)
      .replace(/setpriv .*--init-groups bash/, 'bash')
      .replaceAll('>&3', `>> ${dir}/answers`)
      .replaceAll('<&3', '');
    const lines = [`root ${btoa('echo hello; exit 4')}`, `user ${btoa('echo "$HOME" >&2; cat')}`];
    writeFileSync(join(dir, 'lines'), `${lines.join('\n')}\n`);
    writeFileSync(join(dir, 'loop'), loop.replace(/3>&-$/m, ''));
    await mustRun(['bash', '-c', `bash ${dir}/loop < ${dir}/lines`], 'the loop failed');
    const answers = readFileSync(join(dir, 'answers'), 'utf8').trim().split('\n').map(answerIn);
    expect(answers).toMatchObject([
      { code: 4, stdout: 'hello\n', stderr: '' },
      { code: 0, stdout: '', stderr: '/home/lab\n' },
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
