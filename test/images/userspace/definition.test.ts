// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { userspaceDefinition } from '../../../src/images/userspace/definition.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-userspace-'));
  mkdirSync(join(folder, 'userspace'));
  vi.stubEnv('LAB_IMAGES', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const define = (text: string) => writeFileSync(join(folder, 'userspace', 'mine.yaml'), text);

describe('the definition of a user space', () => {
  it('is that of the lab, with packages that have systemd and its tests', () => {
    const { packages, alone, suite, architecture } = userspaceDefinition('systemd');
    expect(packages).toContain('systemd');
    expect(alone).toEqual(['systemd-tests']);
    expect([suite, architecture]).toEqual(['sid', 'amd64']);
  });

  it('may be a file of the user', () => {
    define('suite: testing\narchitecture: arm64\npackages: [systemd]\nleaveOut: [usr/share/doc]\n');
    expect(userspaceDefinition('mine')).toMatchObject({ suite: 'testing', architecture: 'arm64', alone: [] });
  });

  it('is refused with the place and the known words', () => {
    expect(() => userspaceDefinition('sytemd')).toThrow('no user space "sytemd"; did you mean systemd?');
    define('suite: sid\n');
    expect(() => userspaceDefinition('mine')).toThrow('packages: expected a list of packages');
    define('suite: sid\npackages: [--reinstall]\n');
    expect(() => userspaceDefinition('mine')).toThrow('mine.yaml:2:12: packages: "--reinstall" cannot be used here');
    define('suite: sid\npackages: [systemd]\nleaveOut: [usr/../etc]\n');
    expect(() => userspaceDefinition('mine')).toThrow('leaveOut: "usr/../etc" cannot be used here');
    define('suit: sid\npackages: [systemd]\n');
    expect(() => userspaceDefinition('mine')).toThrow('did you mean suite?');
    define('packages: [systemd]\n');
    expect(() => userspaceDefinition('mine')).toThrow('suite: expected a name');
  });
});
