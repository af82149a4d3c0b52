// SPDX-License-Identifier: Apache-2.0
// bin/lab.js under a Node that is too old for the lab: it starts again in the project's own, or says what to do.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../util/temporary.js';

const BIN = join(import.meta.dirname, '../../bin');
/** Makes a Node say that it is an old one. The Node that it starts does not inherit this. */
const OLD = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '20.1.2' })";

/** A project of bin/, a bundle that runs `main`, and perhaps a Node of its own. */
function project(main: string, own: string | null): string {
  const root = temporaryFolder();
  cpSync(BIN, join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'dist/lab.js'), main);
  if (own !== null) {
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    writeFileSync(join(root, 'node_modules/.bin/node'), own);
    chmodSync(join(root, 'node_modules/.bin/node'), 0o755);
  }
  return join(root, 'bin/lab.js');
}

const THIS_NODE = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;
const OLD_NODE = `#!/bin/sh\nexec '${process.execPath}' --import "${OLD}" "$@"\n`;
const run = (lab: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--import', OLD, lab, ...args], { encoding: 'utf8', timeout: 30_000 });

describe('the lab, started with an old Node', () => {
  it("runs in the project's own, with the same words and the same ending", () => {
    const lab = project('console.log(process.argv.slice(2).join("|")); process.exitCode = 7;', THIS_NODE);
    const { status, stdout, stderr } = run(lab, 'run', 'a b.yaml', '--json');
    expect([status, stdout, stderr]).toEqual([7, 'run|a b.yaml|--json\n', '']);
  });

  it('ends by the signal that ends the lab', () => {
    expect(run(project("process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60_000);", THIS_NODE)).signal).toBe(
      'SIGTERM',
    );
  });

  it('passes a signal on', async () => {
    const main = "process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready');";
    const child = spawn(process.execPath, ['--import', OLD, project(main, THIS_NODE)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await ended).toEqual([9, null]);
  });

  it('says in one line what to do where the project has none', () => {
    const { status, stdout, stderr } = run(project('console.log("started");', null));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^lab: this is Node 20\.1\.2, and the lab needs 24 or newer; `npm ci` [^\n]*\n$/);
  });

  it("says the same where the project's own is too old as well", () => {
    const { status, stdout, stderr } = run(project('console.log("started");', OLD_NODE));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^lab: this is Node 20\.1\.2, [^\n]*\n$/);
  });
});
