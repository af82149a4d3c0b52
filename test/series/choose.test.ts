// SPDX-License-Identifier: Apache-2.0
// The scenarios that match what a series changes. Each of the table must be there, and must run on any pair.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/scenario/index.js';
import { ALWAYS, AREAS, DEFAULT } from '../../src/series/choose/areas.js';
import { changedTests, choose } from '../../src/series/choose/choose.js';
import { packageRoot } from '../../src/util/package-root.js';

const of = (...paths: string[]) => choose(paths.map((path) => ({ path, old: path, isRemoved: false })));

describe('the choice of scenarios', () => {
  it.each<[string, string[], string[]]>([
    ['mm/memfd_luo.c', ['memfd'], ['memfd-metadata', 'many-files']],
    ['include/linux/kho/abi/memfd.h', ['memfd', 'live update and kexec'], ['memfd-metadata', 'reserve-mem']],
    ['kernel/liveupdate/luo_core.c', ['live update and kexec'], [...DEFAULT]],
    ['mm/memblock.c', ['reserve_mem'], ['reserve-mem']],
    ['mm/page_alloc.c', ['memory management'], [...DEFAULT]],
    ['drivers/vfio/pci/vfio_pci_core.c', ['devices'], ['devices/edu-recreate', 'devices/iommufd-if-supported']],
    ['drivers/pci/probe.c', ['devices'], ['devices/edu-recreate']],
    ['virt/kvm/kvm_main.c', ['guests'], ['guests/survives']],
  ])('for %s', (path, areas, scenarios) => {
    const choice = of(path);
    expect(choice.areas).toEqual(areas);
    expect(choice.scenarios).toEqual(expect.arrayContaining([...ALWAYS, ...scenarios]));
    expect(choice.elsewhere).toEqual([]);
  });

  it('takes no device for a memfd, and no memfd for a device', () => {
    expect(of('mm/memfd_luo.c').scenarios.filter((name) => name.includes('/'))).toEqual([]);
    expect(of('drivers/vfio/vfio_main.c').scenarios).not.toContain('memfd-metadata');
  });

  it('takes the default set for code that no area has, and nothing more for text', () => {
    expect(of('net/core/dev.c')).toMatchObject({ areas: [], elsewhere: ['net/core/dev.c'] });
    expect(of('net/core/dev.c').scenarios).toEqual([...ALWAYS, ...DEFAULT]);
    expect(of('Documentation/core-api/kho/index.rst', 'MAINTAINERS').scenarios).toEqual([...ALWAYS]);
  });

  it('runs the tests that a series changes, and all if it changes what they share', () => {
    expect(of('tools/testing/selftests/liveupdate/luo_multi_session.c').selftests).toEqual(['luo_multi_session']);
    const listed = ['liveupdate', 'luo_multi_session', 'luo_new'].map((name) => ({ name }));
    const run = (...paths: string[]) => changedTests(listed, of(...paths).selftests).map(({ name }) => name);
    expect(run('tools/testing/selftests/liveupdate/luo_new.c')).toEqual(['luo_new']);
    expect(run('tools/testing/selftests/liveupdate/lib/lu_utils.c')).toEqual(listed.map(({ name }) => name));
    expect(run('tools/testing/selftests/liveupdate/luo_new.c', 'tools/testing/selftests/liveupdate/u.h')).toHaveLength(
      3,
    );
    expect(run('mm/memfd_luo.c')).toEqual([]);
    expect(of('tools/testing/selftests/liveupdate/Makefile').selftests).toEqual([]);
    expect(of('tools/testing/selftests/mm/x.c').selftests).toEqual([]);
  });

  it('has scenarios that are there and take two kernels', async () => {
    const names = new Set([...ALWAYS, ...DEFAULT, ...AREAS.flatMap(({ scenarios }) => scenarios)]);
    for (const name of names) {
      const file = join(packageRoot(), 'scenarios', `${name}.yaml`);
      const scenario = await loadScenario(file, { kernelProblem: () => null, rule: null });
      expect(scenario.kernels, name).toHaveLength(2);
      expect(scenario.expect.outcome, name).toBe('preserved');
    }
  });
});
