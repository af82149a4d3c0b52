// SPDX-License-Identifier: Apache-2.0
// A kernel in few words. Its name alone tells which one it is.

/** Of a definition at a path, the name of the file; any other name stays. */
export function kernelLabel(name: string): string {
  return /\.ya?ml$/.test(name) ? name.replace(/^.*\//, '').replace(/\.ya?ml$/, '') : name;
}
