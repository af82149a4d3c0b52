// SPDX-License-Identifier: Apache-2.0
// What a machine boots: a built kernel and a root file system, both by content.
import type { Component } from './component.js';

/** A kernel that is ready to boot. All paths are absolute. */
export interface KernelImage {
  /** Name of its definition, or the path that it was given by. */
  name: string;
  /** What `uname -r` will say; null where it could not be read from the image. */
  release: string | null;
  bzImage: string;
  vmlinux: string | null;
  config: string | null;
  systemMap: string | null;
  components: Component[];
  /** SHA-256 of the bzImage, hexadecimal. */
  sha256: string;
  /** Folder of the cache that holds it; null for ready-made files. */
  cacheDir: string | null;
}

/** The initramfs: busybox, dropbear, init and the agent. */
export interface RootFs {
  path: string;
  sha256: string;
  size: number;
}
