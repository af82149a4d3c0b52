// SPDX-License-Identifier: Apache-2.0
// S3: a stranger's scenario or plan had the powers of the user. The old `lab run` and `lab matrix` gave its words to
// QEMU as they were, uploaded any file, and built kernel definitions at any path, without a word.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ruleFor, ruleWithin, shipsWithLab } from '../../src/host/trust.js';
import { parsePlan, parseScenario } from '../../src/scenario/index.js';
import { qemuRefusal } from '../../src/trust/index.js';
import { packageRoot } from '../../src/util/package-root.js';
import { caught, folderOf, HEAD, PLAIN, problemsOf } from './refusal.js';

const args = (words: readonly string[]) => `${PLAIN}machine: {qemuArgs: ${JSON.stringify(words)}}\n`;
const upload = (from: string) => `${HEAD}steps:\n  - upload: {from: ${from}, to: /x}\n  - kexec\nexpect: preserved\n`;

const HARMLESS = [
  ['-icount', 'shift=3,sleep=on'],
  ['--icount', 'auto'],
  ['-smp', '4,sockets=2,cores=2,maxcpus=4'],
  ['-cpu', 'max,la57=off,erms=off,+avx,-x2apic'],
  ['-m', 'slots=4,maxmem=8G'],
  ['-numa', 'node,nodeid=0,cpus=0-1,memdev=ram'],
  ['-rtc', 'base=2026-01-01T00:00:00,clock=vm'],
  ['-machine', 'hpet=off,smm=off'],
  ['-global', 'kvm-pit.lost_tick_policy=discard'],
  ['-device', 'edu,id=e0,bus=pcie.0,addr=0x1f.1'],
  ['-device', 'pcie-root-port,chassis=1,slot=0'],
  [],
];
const HARMFUL = [
  ['-drive', 'file=/dev/sda,if=none,id=d'],
  ['-blockdev', 'driver=file,filename=/etc/shadow,node-name=x'],
  ['-hda', '/dev/sda'],
  ['/dev/sda'],
  ['disk.img'],
  ['-chardev', 'file,id=c,path=/etc/cron.d/x'],
  ['-netdev', 'user,id=n'],
  ['-nic', 'tap,script=/tmp/x'],
  ['-fsdev', 'local,id=f,path=/,security_model=none'],
  ['-virtfs', 'local,path=/,mount_tag=x,security_model=none'],
  ['-object', 'memory-backend-file,id=m,mem-path=/etc/x,size=1M'],
  ['-object', 'secret,id=s,file=/etc/shadow'],
  ['-trace', 'enable=*,file=/etc/x'],
  ['-D', '/etc/x'],
  ['-d', 'all'],
  ['-monitor', 'unix:/tmp/m,server'],
  ['-qmp', 'tcp:0.0.0.0:4444,server'],
  ['-gdb', 'tcp::1234'],
  ['-s'],
  ['-incoming', 'exec:touch /tmp/x'],
  ['-readconfig', '/tmp/x'],
  ['-sandbox', 'off'],
  ['-runas', 'root'],
  ['-kernel', '/boot/vmlinuz'],
  ['-bios', '/tmp/x'],
  ['-pidfile', '/etc/x'],
  ['-fw_cfg', 'name=opt/x,file=/etc/shadow'],
  ['-smbios', 'file=/etc/shadow'],
  ['-acpitable', 'file=/etc/shadow'],
  ['-L', '/tmp'],
  ['-icount', 'shift=1,rr=record,rrfile=/etc/x'],
  ['-icount', 'auto,,rrfile=x'],
  ['-machine', 'dumpdtb=/etc/x'],
  ['-machine', 'pflash0=x'],
  ['-machine', 'none'],
  ['-M', 'memory-encryption=x'],
  ['-cpu', '/etc/x'],
  ['-numa', 'node,memdev=other'],
  ['-device', 'virtio-blk-pci,drive=d'],
  ['-device', 'vfio-pci,host=00:02.0'],
  ['-device', 'ivshmem-plain,memdev=m'],
  ['-device', 'virtserialport,chardev=c'],
  ['-device', 'loader,file=/etc/shadow,addr=0x1000'],
  ['-device', 'edu,romfile=/etc/x'],
  ['-device', 'edu,romfile=x'],
  ['-device', 'edu,id=a/b'],
  ['-device', '{"driver":"loader","file":"/etc/shadow"}'],
  ['-device', '__proto__'],
  ['-constructor', 'x'],
  ['-global', 'edu.romfile=x'],
  ['-global', 'driver=edu,property=romfile,value=x'],
  ['-global', 'loader.file=/etc/shadow'],
  ['-global', 'pcie-root-port.slot=1\n-drive file=x'],
  ['-smp', '255'],
  ['-smp', 'sockets=8,cores=8,threads=8'],
  ['-smp', 'cpus=1,maxcpus=200'],
  ['-icount'],
  ['-cpu', `max${',+a'.repeat(1000)}`],
  Array.from({ length: 1000 }, () => ['-rtc', 'clock=vm']).flat(),
];

describe('options of QEMU in data', () => {
  it.each(HARMLESS.map((words) => [words.join(' '), words]))('may be %s', (_, words) => {
    expect(qemuRefusal(words as string[], 8)).toBeNull();
  });

  it.each(HARMFUL.map((words) => [words.join(' ').slice(0, 80), words]))('may not be %s', (_, words) => {
    expect(qemuRefusal(words as string[], 8)).not.toBeNull();
    expect(qemuRefusal(['-cpu', 'max', ...words], 8)).not.toBeNull();
  });

  it('are refused where they stand, with what --trust would allow', () => {
    expect(problemsOf(args(['-cpu', 'max', '-drive', 'file=/dev/sda']))[0]).toBe(
      '4:35 this is not trusted and would give QEMU "-drive file=/dev/sda": data may not use -drive',
    );
    expect(() => parseScenario(args(['-s']), 'x.yaml', { rule: ruleWithin('/nowhere') })).toThrow(
      '--trust, if you know who made it, lets it use every option of QEMU',
    );
  });
});

describe('files in data', () => {
  it('lie beside the scenario, with all links followed', () => {
    const folder = folderOf({ 'in/data.bin': 'x', 'in/sub/deep.bin': 'x', 'secret.txt': 'x' });
    const inside = join(folder, 'in');
    symlinkSync('../secret.txt', join(inside, 'link'));
    symlinkSync('..', join(inside, 'up'));
    symlinkSync('data.bin', join(inside, 'alias'));
    for (const name of ['data.bin', 'sub/deep.bin', './sub/../data.bin', 'alias'])
      expect(problemsOf(upload(name), inside), name).toEqual([]);
    for (const name of ['../secret.txt', 'link', 'up/secret.txt', '/etc/passwd', 'missing', 'sub', '/dev/zero'])
      expect(problemsOf(upload(name), inside)[0], name).toMatch(/^4:20 this is not trusted and would use the file/);
  });

  it('do not tell whether a file is there', () => {
    const [there, missing] = ['/etc/passwd', '/etc/there-is-no-such-file'].map((path) => problemsOf(upload(path))[0]);
    expect(there?.replace('/etc/passwd', '')).toBe(missing?.replace('/etc/there-is-no-such-file', ''));
  });
});

describe('kernels in data', () => {
  it.each(['./evil.yaml', '/tmp/evil.yaml', 'evil.yaml', '../7.3.4', '/boot'])('are not %s', (name) => {
    expect(problemsOf(PLAIN.replace('7.2.12', name))[0]).toContain(`1:7 this is not trusted and would use the kernel`);
  });

  it('have tests of the source of a kernel of the lab alone', () => {
    const from = (tree: string) => `${HEAD}kselftest: {test: luo_kexec_simple, tree: ${tree}}\nexpect: preserved\n`;
    expect(problemsOf(from('./mine.yaml'))[0]).toContain('3:43 this is not trusted and would use the kernel');
    expect(problemsOf(from('mine'))[0]).toContain('3:43 no kernel "mine"');
    expect(problemsOf(from('7.3.4'))).toEqual([]);
  });

  it('have the nearest name in the message for a wrong one', () => {
    expect(problemsOf(PLAIN.replace('7.3.4', '7.3.5'))[0]).toContain('no kernel "7.3.5"; did you mean 7.3.4?');
  });

  it('may be anything that the user types', () => {
    const overrides = { from: '/tmp/mine.yaml', to: './other', rule: ruleWithin('/nowhere') };
    expect(parseScenario(PLAIN, 'x.yaml', overrides).kernels).toEqual(['/tmp/mine.yaml', './other']);
  });
});

describe('a plan from elsewhere', () => {
  const kernels = { all: ['7.3.4'], releases: ['7.3.4'], problem: () => null };
  const read = (plan: string) => {
    const folder = folderOf({ 'in/plan.yaml': plan, 'in/a.yaml': PLAIN, 'out/b.yaml': PLAIN, 'out/p.yaml': '' });
    const file = join(folder, 'in/plan.yaml');
    return caught(() => parsePlan(plan, file, { ...kernels, rule: ruleFor(file, {}) }));
  };
  const plan = (more: string, scenario = '{file: a.yaml}') => `kernels: [7.3.4]\nscenarios: [${scenario}]\n${more}`;

  it('may use its own folder and what the lab ships', () => {
    expect(read(plan('baseline: new.yaml\npairs: same\n'))).toEqual([]);
    expect(read(plan('pairs: same', `{file: ${packageRoot()}/scenarios/first-update.yaml}`))).toEqual([]);
  });

  it.each([
    [plan('pairs: same', '{file: ../out/b.yaml}'), '2:20'],
    [plan('pairs: same', '{folder: /etc}'), '2:22'],
    [plan('pairs: same\nbaseline: ../out/new.yaml'), '4:11'],
    [plan(`pairs: same\nbaseline: ${packageRoot()}/scenarios/matrix/baseline.yaml`), '4:11'],
    [plan('pairs: same\nprofile: ../out/p.yaml'), '4:10'],
    ['kernels: [{git: /tmp/linux, refs: [next]}]\nscenarios: [{file: a.yaml}]', '1:17'],
    ['kernels: [/tmp/evil.yaml]\npairs: same\nscenarios: [{file: a.yaml}]', '1:11'],
    ['kernels: [7.3.4]\nchains: [[7.3.4, ./evil.yaml]]\nscenarios: [{file: a.yaml}]', '2:18'],
  ])('may not: %s', (text, place) => {
    expect(read(text)[0]).toMatch(new RegExp(`^${place} this is not trusted`));
  });
});

describe('what is trusted', () => {
  it('is every scenario that the lab ships, and none of its results', () => {
    const scenarios = join(packageRoot(), 'scenarios');
    const files = readdirSync(scenarios, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name));
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((name) => ruleFor(join(scenarios, name), {}) !== null)).toEqual([]);
    expect(shipsWithLab(join(packageRoot(), 'results/x/scenario.yaml'))).toBe(false);
    expect(shipsWithLab(join(packageRoot(), 'package.json'))).toBe(false);
  });

  it('is not a link among them to a file elsewhere', () => {
    const folder = folderOf({ 'evil.yaml': PLAIN });
    mkdirSync(join(folder, 'scenarios'));
    symlinkSync(join(packageRoot(), 'scenarios/first-update.yaml'), join(folder, 'link.yaml'));
    expect(shipsWithLab(join(folder, 'link.yaml'))).toBe(true);
    expect(shipsWithLab(join(folder, 'evil.yaml'))).toBe(false);
    expect(shipsWithLab(join(packageRoot(), 'scenarios/..', 'package.json'))).toBe(false);
  });

  it('need not be asked of a plain scenario, wherever it is', () => {
    const text = readFileSync(join(packageRoot(), 'scenarios/first-update.yaml'), 'utf8');
    const folder = folderOf({});
    writeFileSync(join(folder, 'copy.yaml'), text);
    expect(problemsOf(text, folder)).toEqual([]);
  });
});
