// SPDX-License-Identifier: Apache-2.0
// At the jump, lets every other processor of the old kernel fall asleep. A kernel that leaves stops them, and goes on
// as soon as each has reported that it stops: from there to its `hlt` it has a few instructions left (stop_this_cpu()
// of arch/x86). If an emulator or a busy host holds it there until the next kernel lies over that code, it executes
// bytes of the next kernel, and the machine can reset.
import { parseVcpus, type VcpuState } from '../../qemu/vcpus.js';
import type { Control, Needs } from '../engine/parts.js';
import type { Debugger } from '../machine/parts.js';

/** How often such a processor is let run, and for how many milliseconds. It needs a few microseconds. */
const TRIES = 20;
const TURN = 10;

/** @param jumping where the processor that jumps stands */
export async function letOthersSleep(
  { machine, recorder }: Needs<'recorder'> & { machine: Pick<Control, 'human'> },
  stub: Pick<Debugger, 'runAlone'>,
  jumping: bigint,
): Promise<void> {
  const awake = async (): Promise<VcpuState[]> => {
    const vcpus = parseVcpus(await machine.human('info registers -a'));
    const jumps = vcpus.find(({ rip }) => rip === jumping);
    // Nobody jumps here: the machine was resumed at a later moment.
    return jumps === undefined ? [] : vcpus.filter(({ index, halted }) => index !== jumps.index && !halted);
  };
  const first = await awake();
  let left = first;
  for (let tries = 0; tries < TRIES && left.length > 0; tries++) {
    for (const { index } of left) await stub.runAlone(index, TURN);
    left = await awake();
  }
  for (const { index, rip } of first) {
    const how = left.some((each) => each.index === index) ? 'and does not stop' : 'and was let stop first';
    recorder.event({ kind: 'note', text: `CPU ${index} still ran at the jump, at 0x${rip.toString(16)}, ${how}` });
  }
}
