// SPDX-License-Identifier: Apache-2.0
// What set-up leaves to be undone. Each part registers its own end as soon as it is there; the last one goes first.

export class TearDown {
  private readonly ends: (() => unknown)[] = [];

  defer(end: () => unknown): void {
    this.ends.push(end);
  }

  /** Undoes everything, whatever fails on the way; then throws the first error. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    while (this.ends.length > 0) {
      try {
        await this.ends.pop()?.();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
