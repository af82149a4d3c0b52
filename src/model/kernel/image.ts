// SPDX-License-Identifier: Apache-2.0
// What a machine boots: a built kernel and a root file system, both by content.
import type { Component, ComponentVersions } from './component.js';

/** What tells how much memory a kernel takes as it boots. Null where nothing tells. */
export interface BootFacts {
  /** `init_size` of the boot header: bytes that the image needs while it unpacks itself. */
  initSize: number | null;
  /** Bytes from `_text` to `_end`: what the kernel keeps. */
  runtime: number | null;
  /** CONFIG_KEXEC_HANDOVER_DEBUG: it refuses to preserve memory that lies in scratch. */
  handoverDebug: boolean | null;
}

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
  /** Every version that the image names: its own list, and version strings for what the list leaves out. */
  components: Component[];
  /** Its own list (section .liveupdate_versions of the vmlinux); null where it has none that can be read. */
  listed: Component[] | null;
  /** What it reads and writes, as it was built; its command line may change that (compat/object.ts). */
  versions: ComponentVersions[];
  /**
   * The versions are all there are. False where the image could not be read, so that what is missing may be there all
   * the same.
   */
  known: boolean;
  /** What could not be found out, and why. */
  notes: string[];
  /** Missing where its files were not looked at. */
  boot?: BootFacts;
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
