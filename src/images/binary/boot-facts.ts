// SPDX-License-Identifier: Apache-2.0
// Finds how much memory a kernel needs to boot, from its header, its symbols and its configuration. The files are not
// trusted.
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { isSet, valueOf } from '../../compat/index.js';
import type { BootFacts, KernelImage, LoadingRules } from '../../model/kernel/image.js';
import { readBzImage } from './bzimage.js';

/** A map is sorted by address: `_text` is near its beginning, `_end` near its end. The MiBs between are not read. */
const ENDS_OF_MAP = 256 * 2 ** 10;
const MAX_CONFIG = 4 * 2 ** 20;
/** A kernel that claims to be larger than this is not believed. */
const MAX_RUNTIME = 2 ** 30;

type Files = Pick<KernelImage, 'bzImage' | 'systemMap' | 'config'>;

export function bootFactsOf({ bzImage, systemMap, config }: Files): BootFacts {
  const configText = textOf(config, MAX_CONFIG);
  return {
    initSize: headerOf(bzImage),
    runtime: runtimeOf(endsOf(systemMap)),
    handoverDebug: configText === null ? null : isSet(configText, 'CONFIG_KEXEC_HANDOVER_DEBUG'),
    ...(configText === null ? {} : loadingOf(configText)),
  };
}

/** Options of security/lockdown/Kconfig and kernel/Kconfig.kexec. */
function loadingOf(config: string): { loading?: LoadingRules } {
  const has = (name: string) => isSet(config, `CONFIG_${name}`);
  const enabled = has('SECURITY_LOCKDOWN_LSM') && /\blockdown\b/.test(valueOf(config, 'CONFIG_LSM') ?? '');
  const always = has('LOCK_DOWN_KERNEL_FORCE_INTEGRITY') || has('LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY');
  const lockdown = !enabled ? 'never' : always ? 'always' : 'on-demand';
  const signature = has('KEXEC_SIG_FORCE') ? 'always' : has('KEXEC_SIG') ? 'in-lockdown' : 'never';
  return lockdown === 'never' && signature !== 'always' ? {} : { loading: { lockdown, signature } };
}

function headerOf(bzImage: string): number | null {
  try {
    return readBzImage(bzImage).initSize;
  } catch {
    return null;
  }
}

/** Bytes from `_text` to `_end`; null if the map lacks one of them. */
export function runtimeOf(map: string): number | null {
  const address = (name: string): bigint | null => {
    const match = new RegExp(`^([0-9a-f]{1,16}) [a-zA-Z] ${name}$`, 'm').exec(map);
    return match === null ? null : BigInt(`0x${match[1]}`);
  };
  const [start, end] = [address('_text'), address('_end')];
  if (start === null || end === null || end <= start) return null;
  const size = Number(end - start);
  return size <= MAX_RUNTIME ? size : null;
}

function endsOf(path: string | null): string {
  if (path === null) return '';
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const piece = (from: number): string => {
        const bytes = Buffer.alloc(ENDS_OF_MAP);
        return bytes.toString('latin1', 0, readSync(fd, bytes, 0, ENDS_OF_MAP, from));
      };
      return size <= ENDS_OF_MAP ? piece(0) : `${piece(0)}\n${piece(size - ENDS_OF_MAP)}`;
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

function textOf(path: string | null, max: number): string | null {
  try {
    return path === null || statSync(path).size > max ? null : readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
