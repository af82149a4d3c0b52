// SPDX-License-Identifier: Apache-2.0
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { knownDefinitions, readDefinition } from '../../../src/images/definition/definition.js';
import { buildableNames } from '../../../src/images/cache/list.js';
import { resolveKernel } from '../../../src/images/definition/resolve.js';
import { UsageError } from '../../../src/util/errors.js';
import { folderWith } from '../folder.js';

const SOURCE = 'sources:\n  - {kind: apt-source, suite: trixie-backports, package: linux, version: 7.1.13-1~bpo13+1}\n';

afterEach(() => vi.unstubAllEnvs());

function problem(text: string): string {
  const dir = folderWith({ 'k.yaml': text });
  try {
    readDefinition(join(dir, 'k.yaml'));
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message.replace(`${dir}/`, '');
  }
  throw new Error('the definition was taken');
}

describe('kernel definitions', () => {
  it('the shipped ones can be read', () => {
    const known = knownDefinitions();
    const stock = [...known.keys()].filter((name) => !name.includes('-'));
    expect(stock).toEqual(['6.17.8', '6.18.15', '6.19.11', '7.1.13', '7.2.12', '7.2.13', '7.3.4', '7.3~rc7']);
    for (const [name, file] of known) {
      const definition = readDefinition(file);
      expect(definition.name).toBe(name);
      expect(definition.sources.length).toBeGreaterThan(0);
      expect(definition.config.length).toBeGreaterThan(3);
      if (stock.includes(name)) continue;
      // A variant is named after its base, has the same source, is built only on request, and is another kernel.
      const base = readDefinition(known.get(name.slice(0, name.indexOf('-'))) ?? '');
      expect(definition).toMatchObject({ sources: base.sources, onDemand: true });
      // The configuration of a distribution stands for the fragments of the base.
      if (definition.configOf !== null) expect(definition.config).not.toEqual(base.config);
      else expect(definition.config.length + definition.patches.length, name).toBeGreaterThan(base.config.length);
    }
  });

  it('are built without being named unless they say otherwise, and so are those based on them', () => {
    const dir = folderWith({
      'a.yaml': `build: on-demand\n${SOURCE}`,
      'b.yaml': 'base: a\n',
      'c.yaml': 'base: a\nbuild: always\n',
      'd.yaml': 'nonsense',
    });
    expect(['a', 'b', 'c'].map((name) => readDefinition(join(dir, `${name}.yaml`)).onDemand)).toEqual([
      true,
      true,
      false,
    ]);
    vi.stubEnv('LAB_IMAGES', dir);
    const names = buildableNames();
    expect(names.filter((name) => /^[a-d]$/.test(name))).toEqual(['c', 'd']);
    expect(names).toContain('7.3.4');
    expect(names).not.toContain('6.17.8');
    expect(problem(`build: never\n${SOURCE}`)).toContain('expected on-demand or always');
  });

  it('accepts every kind of source', () => {
    const dir = folderWith({
      'k.yaml': `sources:
  - {kind: apt-binary, suite: s, package: p, version: 1.0, member: ./usr/src/x.tar.xz}
  - {kind: url, url: "https://example.org/x.tar.xz", sha256: ${'A'.repeat(64)}}
  - {kind: tarball, path: x.tar}
  - {kind: directory, path: /src/linux}
  - {kind: git, path: ../linux, ref: v7.3}
`,
    });
    expect(readDefinition(join(dir, 'k.yaml')).sources).toEqual([
      { kind: 'apt-binary', suite: 's', package: 'p', version: '1.0', member: 'usr/src/x.tar.xz' },
      { kind: 'url', url: 'https://example.org/x.tar.xz', sha256: 'a'.repeat(64) },
      { kind: 'tarball', path: join(dir, 'x.tar'), sha256: null },
      { kind: 'directory', path: '/src/linux' },
      { kind: 'git', path: join(dir, '../linux'), ref: 'v7.3' },
    ]);
  });

  it('extends another definition', () => {
    const dir = folderWith({
      'a.yaml': `description: first\n${SOURCE}config: [./a.config]\nsteps: 7\n`,
      'b.yaml': 'base: a\npatches: [fix.patch]\noverlay: [over]\nconfig: [./b.config]\n',
      'a.config': '',
      'b.config': '',
      'fix.patch': '',
      'over/x.c': '',
    });
    const b = readDefinition(join(dir, 'b.yaml'));
    expect(b).toMatchObject({
      name: 'b',
      description: 'first',
      steps: 7,
      patches: [join(dir, 'fix.patch')],
      overlay: [join(dir, 'over')],
    });
    expect(b.config).toEqual([join(dir, 'a.config'), join(dir, 'b.config')]);
    expect(b.sources).toHaveLength(1);
  });

  it.each([
    ['sources: []', 'k.yaml:1:1: a kernel needs sources or prebuilt, and this definition has neither'],
    [
      `${SOURCE}conifg: []`,
      'k.yaml:3:1: unknown key "conifg"; did you mean config? Known: description, base, sources, prebuilt, ' +
        'configOf, config, core, patches, overlay, steps, build',
    ],
    [`${SOURCE}config: [nowhere/x.config]`, /^k\.yaml:3:10: config: no file .*nowhere\/x\.config$/],
    [`${SOURCE}steps: many`, 'k.yaml:3:8: steps: expected a whole number above 0'],
    [
      'sources:\n  - {kind: apt-sourc, suite: s}',
      'k.yaml:2:12: kind: expected one of apt-source, apt-binary, url, tarball, directory, git; did you mean ' +
        'apt-source?',
    ],
    ['sources:\n  - {kind: apt-source, suite: s, package: linux}', 'k.yaml:2:5: apt-source: version is missing'],
    [
      'sources:\n  - {kind: apt-source, suite: s, package: "-oAPT::x=y", version: 1}',
      'k.yaml:2:43: package: "-oAPT::x=y" is not a name that apt accepts',
    ],
    ['sources:\n  - {kind: url, url: "ftp://x", sha256: 1}', 'k.yaml:2:22: url: expected http:// or https://'],
    ['sources:\n  - {kind: url, url: "http://x", sha256: 1}', 'k.yaml:2:42: sha256: expected 64 hexadecimal digits'],
    ['sources:\n  - {kind: git, path: x, ref: --upload-pack=x}', 'k.yaml:2:31: ref: expected a commit, branch or tag'],
    ['base: k\n', /^k\.yaml:1:7: no kernel "k" Known: 6\.17\.8, 6\.18\.15, 6\.19\.11, .*7\.1\.13, .*7\.3\.4, 7\.3\.4-/],
    ['- 1', 'k.yaml:1:1: expected keys and values'],
    ['', 'k.yaml:1:1: expected keys and values'],
    ['a: [', /^k\.yaml:1:5: /],
    ['description: 1\ndescription: 2', 'k.yaml:2:1: description is there twice'],
  ])('says what is wrong with %j', (text, message) => {
    if (typeof message === 'string') expect(problem(text)).toBe(message);
    else expect(problem(text)).toMatch(message);
  });

  it('does not extend itself, even indirectly', () => {
    const dir = folderWith({ 'a.yaml': 'base: b', 'b.yaml': 'base: a' });
    expect(() => readDefinition(join(dir, 'a.yaml'))).toThrow(/derives from itself/);
  });
});

describe('names of kernels', () => {
  it('LAB_IMAGES adds definitions, which win over the shipped ones', () => {
    const dir = folderWith({ 'mine.yaml': SOURCE, '7.3.4.yaml': `description: other\n${SOURCE}` });
    vi.stubEnv('LAB_IMAGES', dir);
    expect(resolveKernel('mine')).toMatchObject({ kind: 'definition', definition: { name: 'mine' } });
    expect(resolveKernel('7.3.4')).toMatchObject({ definition: { description: 'other' } });
  });

  it('for an unknown name, suggests the nearest and lists all others', () => {
    expect(() => resolveKernel('7.3.5')).toThrow(
      'no kernel "7.3.5"; did you mean 7.3.4? Known: 6.17.8, 6.18.15, 6.19.11, ',
    );
    expect(() => resolveKernel('')).toThrow(UsageError);
    expect(() => resolveKernel('/nowhere/bzImage')).toThrow('no kernel at /nowhere/bzImage');
  });

  it('paths may be a definition, a bzImage, or a folder made by TuxMake or kbuild', () => {
    const dir = folderWith({
      'k.yaml': SOURCE,
      bzImage: '',
      'vmlinux.xz': '',
      config: '',
      'System.map': '',
      'tree/arch/x86/boot/bzImage': '',
      'tree/.config': '',
      'none/x': '',
    });
    expect(resolveKernel(join(dir, 'k.yaml'))).toMatchObject({ kind: 'definition' });
    expect(resolveKernel(join(dir, 'bzImage'))).toEqual({
      kind: 'files',
      files: { bzImage: join(dir, 'bzImage'), vmlinux: null, config: null, systemMap: null },
    });
    expect(resolveKernel(dir)).toEqual({
      kind: 'files',
      files: {
        bzImage: join(dir, 'bzImage'),
        vmlinux: join(dir, 'vmlinux.xz'),
        config: join(dir, 'config'),
        systemMap: join(dir, 'System.map'),
      },
    });
    expect(resolveKernel(join(dir, 'tree'))).toMatchObject({
      files: { bzImage: join(dir, 'tree/arch/x86/boot/bzImage'), config: join(dir, 'tree/.config') },
    });
    expect(() => resolveKernel(join(dir, 'none'))).toThrow(/it has no bzImage/);
  });

  describe('with a finished configuration', () => {
    const PACKAGE = 'suite: sid, package: linux-config-7.3, version: 7.3.4-1, member: ./usr/src/c.xz';

    it('take none of the fragments that build up their base from nothing', () => {
      const dir = folderWith({
        'base.yaml': `${SOURCE}config: [base, kho]\ncore: [core]\n`,
        'distro.config': 'CONFIG_X86_64=y\n',
        'k.yaml': 'base: base\nconfigOf: distro.config\nconfig: [distribution]\n',
        'more.yaml': 'base: k\nconfig: [symbols]\n',
      });
      const definition = readDefinition(join(dir, 'k.yaml'));
      expect(definition.configOf).toEqual({ kind: 'file', path: join(dir, 'distro.config') });
      expect(definition.config.map((path) => basename(path))).toEqual(['distribution.config']);
      expect(definition.core).toEqual([]);
      const more = readDefinition(join(dir, 'more.yaml'));
      expect(more.configOf).toEqual(definition.configOf);
      expect(more.config.map((path) => basename(path))).toEqual(['distribution.config', 'symbols.config']);
    });

    it('take it from a package, by digest', () => {
      const sha256 = 'AB'.repeat(32);
      const dir = folderWith({ 'k.yaml': `${SOURCE}configOf: {${PACKAGE}, sha256: ${sha256}}\n` });
      expect(readDefinition(join(dir, 'k.yaml')).configOf).toEqual({
        kind: 'package',
        suite: 'sid',
        package: 'linux-config-7.3',
        version: '7.3.4-1',
        member: 'usr/src/c.xz',
        sha256: sha256.toLowerCase(),
      });
    });

    it('say what is wrong with it', () => {
      expect(problem(`${SOURCE}configOf: no.config\n`)).toMatch(/^k.yaml:3:11: configOf: no file \S+no\.config$/);
      expect(problem(`${SOURCE}configOf: {${PACKAGE}}\n`)).toMatch(/configOf: sha256 is missing/);
      expect(problem(`${SOURCE}configOf: {${PACKAGE}, sha256: 12}\n`)).toMatch(/expected 64 hexadecimal digits/);
      expect(problem(`${SOURCE}configOf: {${PACKAGE.replace('sid', '"-o x"')}, sha256: 12}\n`)).toMatch(/digits|apt/);
    });
  });
});
