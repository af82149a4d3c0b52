// SPDX-License-Identifier: Apache-2.0
// A place where a store can lie. It moves whole files by a relative path, and knows nothing of images.

export interface FetchLimits {
  /** More than this is an error. */
  bytes: number;
  signal: AbortSignal;
  /** Called whenever bytes arrive. */
  onBytes: (count: number) => void;
}

export interface Backend {
  /** For messages; without a password. */
  readonly label: string;
  /** Writes the content of `path` to the file `to`. Throws a LabError if the store cannot be read. */
  fetch(path: string, to: string, limits: FetchLimits): Promise<'found' | 'missing'>;
  /** Stores a file. A reader sees all of it or nothing. */
  send(from: string, path: string, signal: AbortSignal): Promise<void>;
  /** Size of what is stored; null if nothing is, or if the store does not tell. */
  size(path: string, signal: AbortSignal): Promise<number | null>;
}
