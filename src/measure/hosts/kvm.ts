// SPDX-License-Identifier: Apache-2.0
// `npm run hosts -- --kvm`: a Debian in an emulated machine whose processor has SVM, where the lab runs on KVM. The
// Debian is made in a folder like the others. There, the scenarios run once under TCG at the speed of this host: that
// builds what the emulated machine finds in its cache. Then the folder becomes the disk of the machine.
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { debianHost, debianRoot, type HostContext } from './debian.js';
import { EmulatedMachine } from './kvm/emulated.js';
import type { Host, HostPlan } from './host.js';
import { INSIDE, INSIDE_PATH } from './kvm/inside.js';
import { newerQemu } from './kvm/newer-qemu.js';

const PACKAGES = 'linux-image-cloud-amd64 initramfs-tools iproute2 kmod udev';
/** Room for the Debian, the cache and the results of a night. The file is sparse. */
const DISK_SIZE = '16G';

export async function kvmHost(plan: HostPlan, context: HostContext): Promise<Host> {
  const { signal, say } = context;
  const folder = await debianHost(plan, context);
  const root = await debianRoot(plan, context);
  const qemu = await newerQemu(context);
  await prepare(folder, context);
  const dir = makeTemp(join(tmpdir(), 'lab-kvm-host-'));
  try {
    writeFileSync(join(root, INSIDE_PATH), INSIDE);
    chmodSync(join(root, INSIDE_PATH), 0o755);
    say(`${folder.name}: disk`);
    await makeDisk(root, dir, signal);
    say(`${folder.name}: start of the emulated host`);
    const machine = await EmulatedMachine.start({
      qemu,
      dir,
      kernel: bootFile(root, 'vmlinuz-'),
      initrd: bootFile(root, 'initrd.img-'),
      init: INSIDE_PATH,
      signal,
    });
    return {
      name: `${folder.name}, emulated with SVM`,
      plan,
      readme: [],
      // As people run it: KVM where it works, and TCG, with the reason, where it does not.
      runOptions: ['--accel', 'auto'],
      run: (line, { as } = {}) => machine.run(as ?? plan.user, line),
      close: async () => {
        await machine.close();
        removeTemp(dir);
      },
    };
  } catch (error) {
    removeTemp(dir);
    throw error;
  }
}

/** Everything that would take hours in the emulated machine, or needs a network. */
async function prepare(folder: Host, { options, say }: HostContext): Promise<void> {
  const must = async (line: string, as?: 'root') => {
    say(`${folder.name}: ${line}`);
    const { code, stdout, stderr } = await folder.run(line, as === undefined ? {} : { as });
    if (code !== 0)
      throw new LabError(`this failed in the host's folder: ${line}`, { detail: `${stdout.slice(-2000)}\n${stderr}` });
  };
  await must(
    'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && ' +
      `apt-get install -y -qq --no-install-recommends ${PACKAGES}`,
    'root',
  );
  await must('npm ci');
  // npx would build the lab once more as root, and the user could not replace what root has built.
  await must('node bin/lab.js doctor --fix', 'root');
  const scenarios = options.scenarios.map((name) => `scenarios/${name}`).join(' ');
  // What a scenario ends in does not matter here.
  say(`${folder.name}: the scenarios under TCG, to fill the cache`);
  await folder.run(`node bin/lab.js run --cold --accel tcg ${scenarios}`);
}

async function makeDisk(root: string, dir: string, signal: AbortSignal): Promise<void> {
  const disk = join(dir, 'disk');
  rmSync(disk, { force: true });
  await mustRun(['mke2fs', '-q', '-t', 'ext4', '-d', root, disk, DISK_SIZE], 'cannot make a disk of the host', {
    signal,
  });
}

/** The newest kernel of the folder, or its initramfs. */
function bootFile(root: string, prefix: string): string {
  const boot = join(root, 'boot');
  const name = readdirSync(boot)
    .filter((each) => each.startsWith(prefix))
    .sort()
    .at(-1);
  if (name === undefined) throw new LabError(`the host has no /boot/${prefix}*`);
  return join(boot, name);
}
