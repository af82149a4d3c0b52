// SPDX-License-Identifier: Apache-2.0
// The first process of the emulated host. It runs one command after the other, as they come through a port of the
// machine, and answers each with its exit code and output.
import { CACHE, CHECKOUT } from '../debian.js';
import { KVM_GROUP, USER } from '../enter.js';

export const INSIDE_PATH = 'srv/inside.sh';
/** Bytes of output that are sent back. */
const MAX_STDOUT = 16 << 20;
const MAX_STDERR = 64 << 10;

/**
 * A command is a line `root BASE64` or `user BASE64`; its answer is `CODE BASE64 BASE64`, with a dash before each
 * output, so that no word is empty.
 */
export const INSIDE = `#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb CI=true LAB_CACHE=${CACHE}
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2> /dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777,size=1g tmpfs /tmp; mount -t tmpfs tmpfs /run
mount -o remount,rw /
ip link set lo up
# QEMU's SVM may deliver an interrupt twice to a guest of a guest, so the lab is to choose TCG for guests.
modprobe kvm_amd nested=0; modprobe virtio_console
chgrp ${KVM_GROUP} /dev/kvm; chmod 660 /dev/kvm
until exec 3<> /dev/vport0p1; do sleep 0.1; done 2> /dev/null
echo ready >&3
cd ${CHECKOUT}
while read -r user line <&3; do
  base64 -d <<< "$line" > /run/line
  if [ "$user" = root ]
  then HOME=/root USER=root bash /run/line
  else HOME=/home/${USER} USER=${USER} setpriv --reuid=${USER} --regid=${USER} --init-groups bash /run/line
  fi > /run/out 2> /run/err < /dev/null 3>&-
  echo "$? -$(tail -c ${MAX_STDOUT} /run/out | base64 -w0) -$(tail -c ${MAX_STDERR} /run/err | base64 -w0)" >&3
done
sync; echo o > /proc/sysrq-trigger; sleep 10
`;
