// SPDX-License-Identifier: Apache-2.0
// What a machine boots: a built kernel and a root file system, identified by their content.
import type { Component, ComponentVersions } from './component.js';

/** How much memory a kernel needs to boot. Null for unknown. */
export interface BootFacts {
  /** `init_size` of the boot header: bytes that the image needs while it decompresses itself. */
  initSize: number | null;
  /** Bytes from `_text` to `_end`: the size of the running kernel. */
  runtime: number | null;
  /** CONFIG_KEXEC_HANDOVER_DEBUG: the kernel refuses to preserve memory in scratch. */
  handoverDebug: boolean | null;
  /** What the kernel refuses to load; missing if it refuses nothing, or if its configuration is unknown. */
  loading?: LoadingRules;
}

/** What a kernel refuses to load as its successor. */
export interface LoadingRules {
  /** It is locked down: never, if its command line says so (lockdown=), or always. */
  lockdown: 'never' | 'on-demand' | 'always';
  /** kexec_file_load wants a signature: never, in lockdown, or always (CONFIG_KEXEC_SIG_FORCE). */
  signature: 'never' | 'in-lockdown' | 'always';
}

/** A kernel that is ready to boot. All paths are absolute. */
export interface KernelImage {
  /**
   * Finds the kernel again, and is different for each: the name of its definition, or an absolute path if the lab has
   * no such name.
   */
  name: string;
  /** What `uname -r` prints; null if it could not be read from the image. */
  release: string | null;
  bzImage: string;
  vmlinux: string | null;
  config: string | null;
  systemMap: string | null;
  /** Every version in the image: its own list, and version strings for components that are not in the list. */
  components: Component[];
  /** Its own list (section .liveupdate_versions of the vmlinux); null if there is no readable list. */
  listed: Component[] | null;
  /** The versions that it reads and writes as built. Its command line may change them (compat/rules/object.ts). */
  versions: ComponentVersions[];
  /** The list of versions is complete. False if the image could not be read. */
  known: boolean;
  /** What is unknown, and why. */
  notes: string[];
  /** Missing if its files were not read. */
  boot?: BootFacts;
  /** SHA-256 of the bzImage, hexadecimal. */
  sha256: string;
  /** Its folder in the cache; null for ready-made files. */
  cacheDir: string | null;
  /** The image store that it came from; missing if it was built here. */
  from?: string;
  /** Built without what only guests and devices need; missing for the full kernel. */
  variant?: 'core';
}

/** The initramfs: busybox, dropbear, init and the agent. */
export interface RootFs {
  path: string;
  sha256: string;
  size: number;
  /** The image store that it came from; missing if it was built here. */
  from?: string;
}

/** Another system as user space: an image of its root, on a disk of the machine. */
export interface Userspace {
  name: string;
  path: string;
  sha256: string;
  size: number;
  /** Every package in it, as NAME_VERSION_ARCHITECTURE. */
  packages: string[];
}
