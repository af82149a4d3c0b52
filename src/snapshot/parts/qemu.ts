// SPDX-License-Identifier: Apache-2.0
// Saves and resumes a machine of QEMU.
import { SocketPort } from '../../guest/port.js';
import { ramOpening, resumedFrom } from '../../qemu/snapshot/opening.js';
import { saveRam, saveState } from '../../qemu/snapshot/save.js';
import { PrivateMemory } from '../../qemu/snapshot/private-memory.js';
import { startResumed } from '../../qemu/snapshot/resume.js';
import { MAX_STATE } from '../../qemu/snapshot/stream.js';
import { readRegularFile } from '../../util/files/regular-file.js';
import type { Ladder } from '../store/ladder.js';
import type { ResumeMachine } from './resuming.js';
import type { SaveMachine } from './saving.js';

/** Milliseconds for QEMU's start, and for the load. */
const DEADLINE = 60_000;

/**
 * @param qemu path of QEMU
 * @param dir the run's private folder
 */
export function saveWithQemu({ qemu, dir, signal }: { qemu: string; dir: string; signal: AbortSignal }): SaveMachine {
  return async (machine, { state, ram }) => {
    const monitor = {
      run: (name: string, args: Record<string, unknown>) => machine.command(name, args),
      human: (line: string) => machine.human(line),
    };
    await saveState(monitor, state, { dir, signal });
    await saveRam(machine.memory.path, ram, { signal, opening: await ramOpening(qemu, signal) });
  };
}

/** Reads the state from its file. */
export function readStateOf(ladder: Ladder): () => Promise<Buffer> {
  return () => readRegularFile(ladder.path(ladder.saved.state), { maxBytes: MAX_STATE });
}

export function resumeWithQemu(
  ladder: Ladder,
  { signal, readState }: { signal: AbortSignal; readState: () => Promise<Buffer> },
): ResumeMachine {
  const ramFile = ladder.path(ladder.saved.ram);
  return {
    start: (config, connectPorts) =>
      startResumed(
        { ...config, resumed: resumedFrom(ramFile) },
        { readState, signal, deadline: DEADLINE, connectPorts },
      ),
    openSavedPort: (path) => new SocketPort(path),
    openMemory: (pid, mtree) => PrivateMemory.open(pid, ramFile, mtree),
  };
}
