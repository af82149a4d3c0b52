// SPDX-License-Identifier: Apache-2.0
// Runs a line of shell in a Debian that lies in a folder. It has its own mounts and its own processes. The kernel
// removes both when its first process ends, and that one dies with the lab, also when the lab gets SIGKILL.
import { type CommandOptions, type CommandResult, runCommand } from '../../util/process/command.js';
import type { HostUser } from './host.js';

/** Name of the unprivileged user, and of the group that may use /dev/kvm. */
export const USER = 'lab';
export const KVM_GROUP = 'kvm';

/**
 * /dev is the host's own, with KVM for the group as on an installed Debian. `$1` is the folder of the host; the rest is
 * the command.
 */
const SCRIPT = `
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sys "$root/sys"
mount -t tmpfs -o mode=0755,size=1m dev "$root/dev"
cd "$root/dev"
mknod -m 666 null c 1 3; mknod -m 666 zero c 1 5; mknod -m 666 full c 1 7
mknod -m 666 random c 1 8; mknod -m 666 urandom c 1 9; mknod -m 666 tty c 5 0
ln -s /proc/self/fd fd; ln -s fd/0 stdin; ln -s fd/1 stdout; ln -s fd/2 stderr
mkdir pts shm; ln -s pts/ptmx ptmx
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 pts pts
mount -t tmpfs -o mode=1777 shm shm
if [ -c /dev/kvm ]; then
  mknod -m 660 kvm c $((0x$(stat -c %t /dev/kvm))) $((0x$(stat -c %T /dev/kvm)))
  # The group is not there before the host is furnished.
  chroot "$root" chgrp ${KVM_GROUP} /dev/kvm || true
fi
# Not chroot: in there the kernel denies user namespaces to a user without root, and so the sandbox.
cd "$root"
pivot_root . .
umount -l .
cd /
exec "$@"
`;

export interface Entry {
  /** Folder of the host. */
  root: string;
  user: HostUser;
  /** Folder there. */
  cwd: string;
  env: Readonly<Record<string, string>>;
}

export function enterArgs({ root, user, cwd, env }: Entry, line: string): string[] {
  const [name, home] = user === 'root' ? ['root', '/root'] : [USER, `/home/${USER}`];
  const set = Object.entries({ HOME: home, USER: name, LOGNAME: name, ...env }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const own = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', '--'];
  const drop = user === 'root' ? [] : ['setpriv', `--reuid=${name}`, `--regid=${name}`, '--init-groups'];
  // The first process of the host collects what others leave: a shell does.
  const shell = ['/bin/sh', '-c', 'cd "$1" && eval "$2"; exit $?', 'sh', cwd, line];
  return [...own, '/bin/sh', '-c', SCRIPT, 'sh', root, ...drop, 'env', '-i', ...set, ...shell];
}

export function enter(entry: Entry, line: string, options: CommandOptions): Promise<CommandResult> {
  return runCommand(enterArgs(entry, line), options);
}
