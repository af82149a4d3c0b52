// SPDX-License-Identifier: Apache-2.0
// The memory that a kernel needs: from header, symbols and configuration, whatever the files contain.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bootFactsOf, runtimeOf } from '../../../src/images/binary/boot-facts.js';

const MAP =
  'ffffffff81000000 T _text\nffffffff81000000 T startup_64\nffffffff81c18000 B __bss_stop\nffffffff81c40000 B _end\n';

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

function files({ initSize = 0xd00000, protocol = 0x20f, map = MAP, config = 'CONFIG_KEXEC_HANDOVER_DEBUG=y\n' }) {
  const dir = mkdtempSync(join(tmpdir(), 'lab-boot-facts-'));
  dirs.push(dir);
  const image = Buffer.alloc(4096);
  image[0x1f1] = 1;
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(protocol, 0x206);
  image.writeUInt32LE(initSize, 0x260);
  const paths = { bzImage: join(dir, 'bzImage'), systemMap: join(dir, 'System.map'), config: join(dir, 'config') };
  writeFileSync(paths.bzImage, image);
  writeFileSync(paths.systemMap, map);
  writeFileSync(paths.config, config);
  return paths;
}

describe('the memory that a kernel needs to boot', () => {
  it('is known from its header, its symbols and its configuration', () => {
    expect(bootFactsOf(files({}))).toEqual({ initSize: 0xd00000, runtime: 0xc40000, handoverDebug: true });
    expect(bootFactsOf(files({ config: '# CONFIG_KEXEC_HANDOVER_DEBUG is not set\n' })).handoverDebug).toBe(false);
  });

  it.each([
    ['', undefined],
    ['CONFIG_KEXEC_SIG=y\n', undefined],
    ['CONFIG_KEXEC_SIG=y\nCONFIG_KEXEC_SIG_FORCE=y\n', { lockdown: 'never', signature: 'always' }],
    ['CONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_LSM="landlock,yama"\n', undefined],
    [
      'CONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_LSM="landlock,lockdown"\nCONFIG_KEXEC_SIG=y\n',
      { lockdown: 'on-demand', signature: 'in-lockdown' },
    ],
    [
      'CONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_LSM="lockdown"\nCONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY=y\n',
      { lockdown: 'always', signature: 'never' },
    ],
  ])('what it refuses to load is in its configuration: %j', (config, loading) =>
    expect(bootFactsOf(files({ config })).loading).toEqual(loading),
  );

  it('is found at both ends of a map of many MiB', () => {
    const middle = 'ffffffff81500000 t some_function_with_a_name\n'.repeat(40_000);
    expect(bootFactsOf(files({ map: MAP.replace('ffffffff81c18000', `${middle}ffffffff81c18000`) })).runtime).toBe(
      0xc40000,
    );
  });

  it('is unknown if no file tells', () => {
    expect(bootFactsOf(files({ protocol: 0x209 })).initSize).toBeNull();
    expect(bootFactsOf({ bzImage: '/nowhere', systemMap: null, config: null })).toEqual({
      initSize: null,
      runtime: null,
      handoverDebug: null,
    });
  });

  it.each([
    ['', 'empty'],
    ['ffffffff81000000 T _text\n', 'no end'],
    ['ffffffff81c40000 T _text\nffffffff81000000 B _end\n', 'backwards'],
    ['0 T _text\nffffffffffffffff B _end\n', 'all there is'],
  ])('is not known from a map that is nonsense: %j (%s)', (map) => expect(runtimeOf(map)).toBeNull());
});
