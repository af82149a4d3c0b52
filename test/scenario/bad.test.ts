// SPDX-License-Identifier: Apache-2.0
// Invalid scenarios: the messages and their positions.
import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const problems = (text: string): string[] => problemsOf(() => parseScenario(text, 'x.yaml'));

const HEAD = 'from: a\nto: b\n';
const DEVICES = `${HEAD}iommu: intel\ndevices: [{name: edu0, device: edu, at: "05.0"}]\n`;
const SESSION = `${HEAD}sessions:\n  - name: vm0\n    files:\n`;
const STEPS = `${HEAD}expect: lost\nsteps:\n`;

/** A text, and the start of each of its problems, in order. */
type Case = [string, string, ...string[]];

const YAML_CASES: Case[] = [
  ['', '0:0 the file is empty'],
  ['# nothing\n', '0:0 the file is empty'],
  ['just words\n', '1:1 expected a mapping, found "just words"'],
  ['- a\n- b\n', '1:1 expected a mapping, found a list'],
  ['from: a\nto: [b\n', '3:1 YAML:'],
  ['from: a\n\tto: b\n', '2:1 YAML: Tabs are not allowed as indentation'],
  ['from: "a\n', '2:1 YAML: Missing closing "quote'],
  ['from: a\nto: b\nfrom: c\n', '3:1 this mapping has the key twice'],
  [`${HEAD}machine: {cpus: 1, cpus: 2}\n`, '3:20 this mapping has the key twice'],
  ['from: a\n---\nto: b\n', '2:1 expected one YAML document; a second one starts here'],
  [`${HEAD}tags: *unknown\n`, '3:7 YAML: Unresolved alias'],
  [`${HEAD}tags: &a [*a]\n`, '3:'],
];

const SHAPE_CASES: Case[] = [
  [`form: a\nto: b\n`, '1:1 unknown key "form"; did you mean "from"?'],
  [`${HEAD}zzzzzz: 1\n`, '3:1 unknown key "zzzzzz"; known here: name, description, tags'],
  [`${HEAD}machine: {memroy: 1GiB}\n`, '3:11 unknown key "memroy"; did you mean "memory"?'],
  [
    `${HEAD}machine: {memory: 64MB}\n`,
    '3:19 expected a size such as 64MiB, 1GiB or a number of bytes, found "64MB"; did you mean 64MiB?',
  ],
  [
    `${HEAD}machine: {memory: 1gb}\n`,
    '3:19 expected a size such as 64MiB, 1GiB or a number of bytes, found "1gb"; did you mean 1GiB?',
  ],
  [`${HEAD}machine: {memory: lots}\n`, '3:19 expected a size such as 64MiB'],
  [`${HEAD}machine: {memory: [1]}\n`, '3:19 expected a size such as 64MiB, 1GiB or a number of bytes, found a list'],
  [`${HEAD}machine: {memory: -1}\n`, '3:19 a size cannot be negative'],
  [`${HEAD}machine: {memory: 1.5}\n`, '3:19 expected a whole number of bytes, found the number 1.5'],
  [`${HEAD}machine: {memory: 999TiB}\n`, '3:19 expected a size of at most 1TiB'],
  [`${HEAD}machine:\n`, '3:1 expected a mapping, found nothing'],
  [`${HEAD}machine: {cpus: two}\n`, '3:17 expected a whole number, found "two"'],
  [`${HEAD}machine: {cpus: 1.5}\n`, '3:17 expected a whole number, found the number 1.5'],
  [`${HEAD}machine: {cpus: 0}\n`, '3:17 expected at least 1, found the number 0'],
  [`${HEAD}machine: {cpus: 65}\n`, '3:17 expected at most 64, found the number 65'],
  [`${HEAD}machine: {qemuArgs: -nographic}\n`, '3:21 expected a list, found "-nographic"'],
  [
    `${HEAD}expect: preservd\n`,
    '3:9 expected an outcome: infra, panic, reboot, hang, corrupt, lost, leak, tainted, refused, preserved, ' +
      'found "preservd"; did you mean "preserved"?',
  ],
  [
    `${HEAD}expect: {outcome: lsot}\n`,
    '3:19 expected infra, panic, reboot, hang, corrupt, lost, leak, tainted, refused or preserved, found ' +
      '"lsot"; did you mean "lost"?',
  ],
  [`${HEAD}expect: {}\n`, '3:1 missing key "outcome": expected infra'],
  [`${HEAD}expect: 3\n`, '3:9 expected an outcome:'],
  [`from: 7.2\nto: b\n`, '1:7 expected a kernel\'s name; put it in quotes ("7.2"), YAML reads it as a number'],
  [`from: ""\nto: b\n`, "1:7 expected a kernel's name"],
  [`from: true\nto: b\n`, "1:7 expected a kernel's name, found true"],
  [`${HEAD}tags: [1]\n`, '3:8 expected a tag, found the number 1'],
  [`${HEAD}timeout: soon\n`, '3:10 expected a number of seconds, found "soon"'],
  [`${HEAD}timeout: 0\n`, '3:10 expected more than 0'],
  [`${HEAD}deadline: 1000000\n`, '3:11 expected at most 86400'],
  [`${HEAD}cmdline: {form: x}\n`, '3:11 unknown key "form"; did you mean "from"?'],
  [`${HEAD}cmdline: {1: 5}\n`, '3:14 expected kernel parameters, found the number 5'],
  [`${HEAD}cmdline: {all: "a\\nb"}\n`, '3:16 expected kernel parameters without control characters, found "a\\x0ab"'],
  [`${HEAD}kexec: leagcy\n`, '3:8 expected file, legacy, abort or kill-agent, found "leagcy"; did you mean "legacy"?'],
  [
    `${HEAD}reserveMem: [{name: much-too-long-name, size: 4KiB}]\n`,
    '3:21 expected a name of at most 15 letters and digits',
  ],
  [`${HEAD}sessions: vm0\n`, '3:11 expected a list, found "vm0"'],
  [`${HEAD}sessions: [vm0]\n`, '3:12 expected a mapping, found "vm0"'],
  [`${HEAD}sessions:\n  - files: []\n`, '4:5 missing key "name": expected the name of a session'],
  [`${SESSION}      - {name: ram}\n`, '6:9 expected exactly one of memfd and object'],
  [`${SESSION}      - {memfd: 1MiB, object: 1MiB}\n`, '6:9 expected exactly one of memfd and object'],
  [`${SESSION}      - {memfd: 1MiB, state: 3}\n`, '6:23 state is not possible for a memfd'],
  [`${SESSION}      - {object: 1MiB, seals: [grow]}\n`, '6:24 seals is not possible for an object'],
  [`${SESSION}      - {object: 5000}\n`, '6:18 expected a multiple of 4096 bytes, found 5000 bytes'],
  [`${SESSION}      - {object: 8KiB, label: "${'x'.repeat(33)}"}\n`, '6:31 expected a label of at most 32 bytes'],
  ['from: a\nto: b\npolicy: chek\n', '3:9 expected force or check, found "chek"; did you mean "check"?'],
  [
    'from: a\nto: b\nexpect: {outcome: leak, endsIn: leek}\n',
    '3:33 expected panic, leak, reboot or none, found "leek"; did you mean "leak"?',
  ],
  [`${SESSION}      - {memfd: 1MiB, tokn: 1}\n`, '6:23 unknown key "tokn"; did you mean "token"?'],
  [
    `${SESSION}      - {memfd: 1MiB, token: -1}\n`,
    '6:30 expected a token: a whole number from 0 to 18446744073709551615, found the number -1',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, token: one}\n`,
    '6:30 expected a token: a whole number from 0 to 18446744073709551615, found "one"',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, seals: [wirte]}\n`,
    '6:31 expected seal, shrink, grow, write, future_write or exec, found "wirte"; did you mean "write"?',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, holes: [5]}\n`,
    '6:31 expected pages as first+count, such as "3+5", found the number 5',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, holes: ["3-5"]}\n`,
    '6:31 expected pages as first+count, such as "3+5", found "3-5"',
  ],
  [`${SESSION}      - {memfd: 1MiB, holes: ["3+0"]}\n`, '6:31 expected at least one page'],
  [`${SESSION}      - {memfd: 1MiB, position: -4}\n`, '6:33 expected at least 0, found the number -4'],
  [`${SESSION}      - {memfd: 1MiB, seed: 4294967296}\n`, '6:29 expected at most 4294967295'],
  [`${SESSION}      - {memfd: 1MiB, huge: yes}\n`, '6:29 expected true or false, found "yes"'],
  [`${SESSION}      - {memfd: 1MiB, count: 0}\n`, '6:30 expected at least 1, found the number 0'],
  [`${HEAD}faults: [{do: stop}]\n`, '3:10 missing key "at": expected before-kexec, jump, next-kernel or before-finish'],
  [
    `${HEAD}faults: [{at: before, do: stop}]\n`,
    '3:15 expected before-kexec, jump, next-kernel or before-finish, found "before"',
  ],
  [
    `${HEAD}faults: [{at: jump, do: stpo}]\n`,
    '3:25 expected triple-fault, reset, stop or nmi, found "stpo"; did you mean "stop"?',
  ],
  [`${HEAD}faults: [{at: jump, flip: {file: a, mask: 0}}]\n`, '3:43 expected at least 1'],
];

const MEANING_CASES: Case[] = [
  ['name: x\n', '1:1 missing key "from"', '1:1 missing key "to"'],
  [`${HEAD}chain: [a, b]\n`, '1:1 expected either chain or from and to', '2:1 expected either chain or from and to'],
  ['chain: [a]\n', '1:8 expected at least 2 entries, found 1'],
  [`${HEAD}machine: {memory: 128MiB}\n`, '3:19 expected memory from 256MiB to 64GiB'],
  [`${HEAD}machine: {memory: 65GiB}\n`, '3:19 expected memory from 256MiB to 64GiB'],
  [`${HEAD}machine: {memory: 268435457}\n`, '3:19 expected memory in whole MiB'],
  [`${HEAD}cmdline: {2: x}\n`, '3:11 expected an epoch from 0 to 1, because there are 2 kernels; found 2'],
  [`${HEAD}cmdline: {to: ${'x'.repeat(1025)}}\n`, '3:1 expected at most 1024 bytes'],
  [`${HEAD}reserveMem: [{name: a, size: 100}]\n`, '3:30 expected a multiple of 4096 bytes'],
  [
    `${HEAD}reserveMem: [{name: a, size: 4KiB}, {name: a, size: 2GiB}]\n`,
    '3:44 expected a unique name',
    "3:53 expected less than the machine's memory",
  ],
  [`${HEAD}sessions: [{name: a}, {name: a}]\n`, '3:30 expected a unique name; there is a session "a" already'],
  [
    `${HEAD}sessions: [{name: a, count: 2}]\n`,
    '3:19 expected a name with {i}, because there are 2 copies; found "a"; did you mean "a-{i}"?',
  ],
  [`${HEAD}sessions: [{name: "a{n}", count: 2}]\n`, '3:19 there is no value for {n}'],
  [
    `${HEAD}sessions: [{name: ${'x'.repeat(64)}}]\n`,
    "3:12 expected a session's name of 1 to 63 bytes, found 64; state errno: " +
      'EINVAL if that is what you test, or errno: OK for a kernel that takes it',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, token: 5}\n      - {memfd: 1MiB, token: 5}\n`,
    '7:9 expected a unique name',
    '7:30 expected a unique token in session "vm0"; 5 is taken',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, name: a}\n      - {memfd: 1MiB, name: a}\n`,
    '7:29 expected a unique name; session "vm0" has a file "a" already',
  ],
  [
    `${SESSION}      - {memfd: 1MiB, holes: ["250+10"]}\n`,
    '6:31 expected pages below 256, because the file has 256; found 250+10',
  ],
  [`${SESSION}      - {memfd: 1MiB, holes: ["1+10", "5+1"]}\n`, '6:39 the hole 5+1 overlaps another one'],
  [`${SESSION}      - {memfd: 1MiB, seals: [grow, grow]}\n`, '6:37 the seal grow is listed twice'],
  [
    `${SESSION}      - memfd: 600MiB\n      - memfd: 600MiB\n`,
    "7:9 expected files of at most 1024 MiB in all, the machine's memory; found 1200 MiB",
  ],
  [`${SESSION}      - {memfd: 1MiB, count: 2000}\n`, '6:9 expected files of at most 1024 MiB in all'],
  [
    `${HEAD}sessions: [{name: "a{i}", count: 10000, files: [{memfd: 4KiB, count: 1000}]}]\n`,
    '3:12 expected at most 100000 sessions and files, found 10010000',
  ],
  [`${HEAD}sessions: []\nsteps: [kexec]\n`, '4:1 expected either sessions or steps, found both'],
  [`${HEAD}kexec: legacy\nsteps: [kexec]\n`, '3:1 kexec belongs to sessions'],
  [`${HEAD}faults: [{at: jump}]\n`, '3:10 expected exactly one of do, replace, flip, unplug, iommu-table, change'],
  [
    `${HEAD}faults: [{at: jump, do: stop, flip: {file: a}}]\n`,
    '3:10 expected exactly one of do, replace, flip, unplug, iommu-table, change',
  ],
  [`${HEAD}faults: [{at: jump, do: stop, update: 2}]\n`, '3:39 expected at most 1, the number of updates; found 2'],
  [`${HEAD}faults: [{at: jump, unplug: edu0}]\n`, '3:29 no device "edu0" is in this scenario'],
  [`${DEVICES}faults: [{at: jump, unplug: edu1}]\n`, '5:29 no device "edu1" is in this scenario; did you mean "edu0"?'],
  [
    `${DEVICES}faults: [{at: jump, unplug: edu0}]\n`,
    '5:29 expected a device behind a root port, because QEMU cannot unplug one from the root bus; "edu0" is on it',
  ],
  [
    `${DEVICES}faults: [{at: jump, iommu-table: {device: edu0, damage: x}}]\n`,
    '5:57 expected loop, reserved, not-present or elsewhere, found "x"',
  ],
  [
    `${DEVICES.replace('intel', 'virtio')}faults: [{at: jump, iommu-table: {device: edu0, damage: loop}}]\n`,
    '5:34 expected an IOMMU of kind intel or amd',
  ],
  [`${HEAD}faults: [{at: before-finish, do: stop}]\n`, '3:15 update 1 has no finish'],
  [
    `${HEAD}faults: [{at: jump, replace: {find: ab, with: abc}}]\n`,
    '3:47 expected at most 2 bytes, the length of "ab"; found 3',
  ],
  [
    `${SESSION}      - {memfd: 8KiB}\nfaults: [{at: before-kexec, flip: {file: vm0/2}}]\n`,
    '7:42 no file "vm0/2" was made before; did you mean "vm0/1"?',
  ],
  [
    `${SESSION}      - {memfd: 8KiB}\nfaults: [{at: before-kexec, flip: {file: vm0/1, page: 2}}]\n`,
    '7:55 expected a page below 2, because "vm0/1" has that many; found 2',
  ],
];

const STEP_CASES: Case[] = [
  [`${STEPS}  - creat: vm0\n`, '5:5 unknown key "creat"; did you mean "create"?'],
  [
    `${STEPS}  - kexek\n`,
    '5:5 expected open, load, kexec, abort, kill-agent or a mapping, found "kexek"; did you mean "kexec"?',
  ],
  [`${STEPS}  - 5\n`, '5:5 expected open, load, kexec, abort, kill-agent or a mapping, found the number 5'],
  [`${STEPS}  - {}\n`, '5:5 expected one operation for each step, found none'],
  [`${STEPS}  - {create: a, finish: a}\n`, '5:5 expected one operation for each step, found create and finish'],
  [`${STEPS}  - repeat: {count: 2, steps: []}\n`, '5:31 expected at least 1 entries, found 0'],
  [
    `${STEPS}  - repeat: {count: 100000, steps: [{repeat: {count: 100000, as: j, steps: []}}]}\n`,
    '5:76 expected at least 1 entries, found 0',
  ],
  [
    `${STEPS}  - repeat: {count: 100000, steps: [{repeat: {count: 100000, as: j, steps: [open]}}]}\n`,
    '4:1 expected at most 500000 steps in all, found 10000000000',
  ],
  [`${STEPS}  - create: ""\n`, "5:13 expected a session's name of 1 to 63 bytes, found 0; state errno: EINVAL"],
  [
    `${STEPS}  - create: {session: ${'x'.repeat(65)}, errno: OK}\n`,
    "5:13 expected a session's name of at most 64 bytes, the size of the kernel's field; found 65",
  ],
  [
    `${HEAD}reserveMem: [${Array.from({ length: 9 }, (_, i) => `{name: r${i}, size: 4KiB}`).join(', ')}]\n`,
    '3:1 expected at most 8 areas, because a kernel has no room for more',
  ],
  [`${HEAD}steps: []\n`, '3:8 expected at least 1 entries, found 0'],
  [
    `${STEPS}  - create: {session: a, errno: EBUSI}\n`,
    '5:33 expected the name of an error, or a list of them, found "EBUSI"; did you mean "EBUSY"?',
  ],
  [`${STEPS}  - create: 5\n`, '5:13 expected the name of a session or a mapping, found the number 5'],
  [`${STEPS}  - create: {nme: a}\n`, '5:5 missing key "session"', '5:14 unknown key "nme"'],
  [`${STEPS}  - preserve: {session: a, file: b}\n`, '5:5 missing key "token": expected a token'],
  [
    `${STEPS}  - preserve: {session: a, file: f, token: x}\n`,
    '5:44 expected a token: a whole number from 0 to 18446744073709551615, found "x"',
  ],
  [
    `${STEPS}  - create: a\n  - preserve: {session: a, file: f, token: 1}\n`,
    '6:15 no file "f" is open here; there is none',
  ],
  [
    `${STEPS}  - memfd: {name: f, size: 1MiB}\n  - preserve: {session: a, file: f, token: 1}\n`,
    '6:15 no session "a" is open here; there is none',
  ],
  [
    `${STEPS}  - create: a\n  - create: a\n`,
    '6:13 expected a unique name; there is a session "a" already; state errno: EEXIST if that is what you test',
  ],
  [
    `${STEPS}  - create: a\n  - memfd: {name: f, size: 1MiB}\n  - preserve: {session: a, file: f, token: ` +
      '1}\n  - preserve: {session: a, file: f, token: 1}\n',
    '8:44 expected a unique token in session "a"; 1 is taken; state errno: EEXIST',
  ],
  [
    `${STEPS}  - memfd: {name: ram, size: 1MiB}\n  - check: rma\n`,
    '6:12 no file "rma" is open here; did you mean "ram"?',
  ],
  [
    `${STEPS}  - memfd: {name: f, size: 1MiB}\n  - memfd: {name: f, size: 1MiB}\n`,
    '6:12 expected a unique name; there is a file "f" already',
  ],
  [`${STEPS}  - memfd: {name: f, size: 1MiB}\n  - kexec\n  - check: f\n`, '7:12 no file "f" is open here'],
  [
    `${STEPS}  - create: vm0\n  - kexec\n  - retrieve: vm1\n`,
    '7:15 no session "vm1" was created in an earlier epoch; did you mean "vm0"?',
  ],
  [
    `${STEPS}  - create: vm0\n  - kexec\n  - retrieve: {session: vm0, token: 1}\n`,
    '7:15 no session "vm0" was retrieved in this epoch',
  ],
  [
    `${STEPS}  - create: vm0\n  - kexec\n  - retrieve: vm0\n  - retrieve: {session: vm0, token: 1}\n`,
    '8:15 no token 1 of session "vm0" was preserved; there is none',
  ],
  [`${STEPS}  - create: vm0\n  - kexec\n  - retrieve: {session: vm0, as: x}\n`, '7:34 expected a token as well'],
  [`${STEPS}  - finish: vm0\n`, '5:13 no session "vm0" is open here'],
  [`${STEPS}  - close: {session: a, file: b}\n`, '5:12 expected exactly one of session, file, device'],
  [`${STEPS}  - close: {file: b}\n`, '5:12 no file "b" is open here'],
  [`${STEPS}  - kexec\n  - kexec\n`, '6:5 this is kexec 2, but 2 kernels need only 1; name more kernels with chain'],
  [
    `${HEAD}steps:\n  - open\n`,
    '3:1 nothing can be preserved, because the steps never reach kernel "b": they have 0 of 1 kexecs; ' +
      'add kexec, or expect: refused',
  ],
  [
    `${STEPS}  - abort\n  - kexec\n`,
    '6:5 the update was called off before; load cannot follow',
    '6:5 the update was called off before; kexec cannot follow',
  ],
  [
    `${STEPS}  - fault: {do: stop, at: jump}\n  - open\n  - kexec\n`,
    '5:12 expected a kexec right after a fault at the jump',
  ],
  [`${STEPS}  - fault: {at: jump}\n`, '5:12 expected exactly one of do, replace, flip, unplug, iommu-table, change'],
  [`${STEPS}  - exec: ""\n`, '5:11 expected a command, found nothing'],
  [
    `${STEPS}  - upload: {from: a, to: b, mode: 0755}\n`,
    '5:36 expected permissions in octal and in quotes, such as "0755", found the number 755',
  ],
  [`${STEPS}  - upload: {from: a, to: b, mode: "9"}\n`, '5:36 expected permissions in octal'],
  [`${STEPS}  - create: vm-{i}\n`, '5:13 there is no value for {i} in "vm-{i}"; values come from repeat'],
  [
    `${STEPS}  - repeat: {count: 2, steps: [{create: "vm-{j}"}]}\n`,
    '5:41 there is no value for {j} in "vm-{j}"; known here: {i}',
  ],
  [`${STEPS}  - repeat: {count: 2, steps: [{create: vm}]}\n`, '5:41 expected a unique name'],
  [
    `${STEPS}  - repeat: {count: 2, steps: [{repeat: {count: 2, steps: [open]}}]}\n`,
    '5:41 {i} is already used by an outer repeat',
  ],
  [`${STEPS}  - repeat: {count: 2, steps: [{creat: vm}]}\n`, '5:33 unknown key "creat"; did you mean "create"?'],
  [
    `${STEPS}  - repeat: {count: 100000, steps: [open, {repeat: {count: 5, as: j, steps: [open]}}]}\n`,
    '4:1 expected at most 500000 steps in all, found 600000',
  ],
  [`${STEPS}  - memfd: {name: f, size: 1MiB, holes: ["300+1"]}\n`, '5:42 expected pages below 256'],
];

describe.each([
  ['YAML', YAML_CASES],
  ['shape', SHAPE_CASES],
  ['meaning', MEANING_CASES],
  ['steps', STEP_CASES],
])('%s', (_, cases) => {
  test.each(cases)('%j', (text, ...expected) => {
    const messages = problems(text);
    expect(messages.map((problem, index) => problem.slice(0, expected[index]?.length))).toEqual(expected);
  });
});

test('reports all problems, in file order', () => {
  expect(
    problems('from: 7\nto: b\nmachine: {cpus: 0}\nsesions: []\nexpect: x\n').map((text) => text.split(' ')[0]),
  ).toEqual(['1:7', '3:17', '4:1', '5:9']);
});

test('reports the same mistake of many copies once', () => {
  expect(
    problems(`${HEAD}sessions: [{name: "a-{i}", count: 500, files: [{memfd: 4KiB, token: 2}, {memfd: 4KiB}]}]\n`),
  ).toHaveLength(2);
});
