// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ensureTools, HOST_TOOLS, type HostTool, installLine, isStaticElf } from '../../src/images/requirements.js';
import { LabError } from '../../src/util/errors.js';
import { folderWith, workspace } from './folder.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** A host where `widget` is missing, with an apt-get that logs its arguments and does what the script says. */
function host(script: string, uid = 0) {
  const dir = folderWith({
    'apt-get': `#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\nD=$(dirname "$0")\n${script}\n`,
  });
  chmodSync(join(dir, 'apt-get'), 0o755);
  vi.stubEnv('PATH', `${dir}:${process.env['PATH']}`);
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
  const widget = join(dir, 'widget');
  const tool: HostTool = {
    name: 'widget',
    package: 'libwidget-dev',
    purposes: ['build'],
    find: () => (existsSync(widget) ? widget : null),
  };
  const work = workspace();
  return {
    ensure: () => ensureTools(['build'], work, [tool]),
    seen: work.seen,
    asked: () =>
      existsSync(join(dir, 'asked'))
        ? readFileSync(join(dir, 'asked'), 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => line.split(' ')[0])
        : [],
    arguments: () => readFileSync(join(dir, 'asked'), 'utf8'),
  };
}

async function failure(promise: Promise<unknown>): Promise<LabError> {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LabError);
  return error as LabError;
}

describe('host packages', () => {
  it('that a first run needs later are in the line that a user is told to run', async () => {
    const missing = (name: string, purpose: 'run' | 'rootfs' | 'test'): HostTool => ({
      name,
      package: `${name}-package`,
      purposes: [purpose],
      find: () => null,
    });
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    const tools = [missing('emulator', 'run'), missing('shell', 'rootfs'), missing('browser', 'test')];
    const error = await failure(ensureTools(['run'], workspace(), tools));
    expect(error.message).toBe('missing on this host: emulator');
    expect(error.hint).toBe(installLine(['emulator-package', 'shell-package'], 'sudo'));
  });

  it('are installed by root without questions; another apt is waited for', async () => {
    const one = host('echo "pmstatus:libwidget-dev:50:Unpacking" >&3; touch $D/widget');
    await one.ensure();
    expect(one.arguments()).toMatch(
      /^install -y --no-install-recommends -o DPkg::Lock::Timeout=300 .*libwidget-dev\n$/,
    );
    expect(one.seen.map(({ detail }) => detail)).toContain('libwidget-dev');
    await one.ensure();
    expect(one.asked()).toEqual(['install']);
  });

  it('are installed after fetching lists, if there are none', async () => {
    const one = host(
      'case $1 in update) touch $D/lists;; install) [ -e $D/lists ] || { echo "E: Unable to locate package ' +
        'libwidget-dev" >&2; exit 100; }; touch $D/widget;; esac',
    );
    await one.ensure();
    expect(one.asked()).toEqual(['install', 'update', 'install']);
  });

  it("a failure shows apt's output and the command to run", async () => {
    const error = await failure(host('echo "E: no such luck" >&2; [ $1 = update ]').ensure());
    expect(error.message).toBe('cannot install libwidget-dev: apt-get ended with 1');
    expect(error.detail).toContain('no such luck');
    expect(error.hint).toBe(installLine(['libwidget-dev']));
  });

  it('an apt that reports success without installing is noticed', async () => {
    expect((await failure(host('exit 0').ensure())).message).toBe(
      'still missing after installing libwidget-dev: widget',
    );
  });

  it('other users get the exact command to run', async () => {
    const one = host('touch $D/widget', 1000);
    const error = await failure(one.ensure());
    expect(error.message).toBe('missing on this host: widget');
    expect(error.hint).toBe('sudo apt-get update && sudo apt-get install -y --no-install-recommends libwidget-dev');
    expect(one.asked()).toEqual([]);
  });

  it('no SSH service is ever installed', () => {
    expect(HOST_TOOLS.map((tool) => tool.package)).not.toContain('dropbear');
  });

  it('a program is static if it asks for no interpreter', () => {
    expect(isStaticElf(process.execPath)).toBe(false);
    expect(isStaticElf('/etc/passwd')).toBe(false);
  });
});
