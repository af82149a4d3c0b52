// SPDX-License-Identifier: Apache-2.0
// `lab check` as people read it.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Pair, reportOf } from '../../../src/cli/text/check-report.js';
import { checkText, versionsText } from '../../../src/cli/text/check.js';
import { profileText } from '../../../src/cli/text/profile.js';
import { checkProfile, type KernelFacts, parseComponent } from '../../../src/compat/index.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { KERNELS, objectKernel, stock } from '../../compat/predict/kernels.js';

const image = (name: string, facts: KernelFacts, notes: string[] = []): KernelImage => ({
  name,
  release: facts.release,
  bzImage: '',
  vmlinux: null,
  config: null,
  systemMap: null,
  components: [],
  listed: [],
  versions: [...facts.versions],
  known: facts.known,
  notes,
  sha256: '',
  cacheDir: null,
});
const text = (from: KernelImage, to: KernelImage, more: Partial<Pair> = {}, stream = {}) =>
  checkText(
    reportOf({ from, to, cmdlineFrom: '', cmdlineTo: '', scenario: null, uses: null, objectNeeds: null, ...more }),
    stream,
  );

describe('a pair', () => {
  it('has one line a component, the versions of each, and what each direction comes to', () => {
    const shown = text(image('a', objectKernel([1, 2], [1, 2], 1)), image('b', KERNELS['6.19.11'])).split('\n');
    expect(shown[0]).toBe('a (7.3.4-lab) -> b (6.19.11-lab)');
    expect(shown.find((line) => line.startsWith('kho '))).toMatch(
      /^kho +v4 +v1 +reboot in kho_populate +reboot in kho_populate$/,
    );
    expect(shown.find((line) => line.startsWith('object'))).toMatch(
      /^object +reads v1-v2, writes v1 of v1-v2 +- +leak in luo_session_deserialize +-$|not written$/,
    );
    expect(shown.join('\n')).toContain(
      'update    a -> b: NOT COMPATIBLE: lost, ends in reboot, in kho_populate\n' +
        '          carries session, memfd, object, reserve_mem\n          the old kernel writes kho-v4',
    );
  });

  it('says what would help, and what was said on the command line', () => {
    const [old, next] = [image('a', objectKernel([1, 2], [1, 2], 2)), image('b', objectKernel([1], [1], 1))];
    expect(text(old, next)).toMatch(/^object .*leak in luo_session_deserialize; v1 with labobj.write=1 +ok, v1$/m);
    expect(text(old, next, { cmdlineFrom: 'labobj.write=1' })).toMatch(
      /a with labobj.write=1\n[^]*^object .* ok, v1 +ok, v1$[^]*update {4}a -> b: compatible\n/m,
    );
    expect(text(old, next)).toContain('          compatible with labobj.write=1 on a\n');
    expect(text(next, old)).toMatch(/^object .* ok, v1 +leak in luo_session_deserialize; v1 with labobj.write=1$/m);
    expect(text(image('a', objectKernel([1, 2], [1, 2], 1)), old)).toMatch(
      /ok, v1; highest common v2, with labobj.write=2/,
    );
  });

  it('shows what is not known as not known', () => {
    const shown = text(
      image('a', { release: null, versions: [], known: false }, ['a: payload of an unknown kind']),
      image('b', KERNELS['7.3.4']),
    );
    expect(shown).toContain('update    a -> b: NOT KNOWN\n');
    expect(shown).toContain('rollback  b -> a: NOT KNOWN\n');
    expect(shown).toContain('note: a: a: payload of an unknown kind\n');
    expect(text(image('a', stock(null, '')), image('a', stock(null, '')))).toContain(
      'No component of the handover is known of either kernel.',
    );
    expect(versionsText({ name: 'pci', reads: [], writes: null, write: null, manner: null, kind: 'flb' })).toBe(
      'version not known',
    );
    expect(versionsText({ name: 'object', reads: [1], writes: null, write: null, manner: null })).toBe(
      'reads v1, writes not known',
    );
    const bare = { ...image('a', KERNELS['6.19.11']), listed: null };
    expect(text(bare, bare)).toMatch(
      /^kexec-metadata +not known +not known +not known +not known$[^]*^note: a: kexec-metadata is not known/m,
    );
  });

  it('takes nothing to the terminal that does not belong there', () => {
    const shown = text(
      image('a\u001b[2J', { ...KERNELS['7.3.4'], release: 'x\u001b]0;' }, ['\u001b[1m']),
      image('b', KERNELS['7.3.4']),
    );
    expect(shown).not.toContain('\u001b');
  });

  it('is coloured on a terminal, with the columns in line', () => {
    vi.stubEnv('NO_COLOR', undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const plain = text(image('a', KERNELS['7.1.13']), image('b', KERNELS['7.3.4']));
    const coloured = text(image('a', KERNELS['7.1.13']), image('b', KERNELS['7.3.4']), {}, { isTTY: true });
    expect(coloured).toContain('\u001b[31m');
    // oxlint-disable-next-line no-control-regex
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(plain);
  });
});

describe('a fleet', () => {
  it('has one line a host, a version and a feature', () => {
    const profile = {
      name: 'q4',
      description: '',
      file: '',
      pins: parseComponent('kho-v4;object-v1'),
      features: [{ name: 'label', needs: parseComponent('object-v3') }],
    };
    const hosts = [
      { name: 'a', cmdline: '', listed: null, ...objectKernel([1], [1], 1) },
      { name: 'b', cmdline: '', listed: null, ...objectKernel([1, 2], [1, 2], 2) },
      { name: 'c', cmdline: '', listed: null, ...KERNELS['7.3.4'] },
    ];
    const shown = profileText(checkProfile(profile, hosts), {});
    expect(shown).toMatch(/^q4: kho 4, object 1\n/);
    expect(shown).toMatch(/^b +yes +labobj.write=1 +-$/m);
    expect(shown).toMatch(/^c +no +- +has no object$/m);
    expect(shown).toMatch(/^object 1 +- +2 +a \(neither reads nor writes\), c \(neither reads nor writes\)$/m);
    expect(shown).toMatch(/^label +no +object 3$/m);
    expect(shown).toMatch(
      /All 2 updates between the hosts that take part work, and so does every rollback: b with labobj.write=1.\n$/,
    );
    expect(profileText(checkProfile(profile, hosts.slice(2)), {})).toContain('No host can take part.');
    expect(profileText(checkProfile(profile, hosts.slice(1)), {})).toContain('Only b can take part');
  });
});
