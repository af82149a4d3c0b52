// SPDX-License-Identifier: Apache-2.0
// What an interrupted command leaves for later, and how to go on.
import { defaultCacheDir } from '../../images/cache/cache.js';
import type { ImageContext } from '../../images/index.js';
import { interruptible, onInterruptKept } from '../../util/process/interrupt.js';
import { printable } from '../../util/text/escape.js';
import { shellQuote } from '../../util/text/shell-quote.js';

export { interruptible, onInterruptKept } from '../../util/process/interrupt.js';

/** For commands that need images and show no progress. */
export function withContext<T>(body: (context: ImageContext) => Promise<T>): Promise<T> {
  return interruptible((signal) => body({ signal, onProgress: () => undefined }));
}

/** This command as it was typed, with more words at its end unless it has them. */
export function sameCommand(...more: readonly string[]): string {
  const words = process.argv.slice(2);
  return commandText([...words, ...more.filter((word) => !words.includes(word))]);
}

/** Options that would throw away what an interrupted search has kept. */
const FORGETTING: ReadonlySet<string> = new Set(['--rebuild', '--anew']);

/** This command without the options that forget what it has kept. */
export function continuingCommand(): string {
  return commandText(process.argv.slice(2).filter((word) => !FORGETTING.has(word)));
}

function commandText(words: readonly string[]): string {
  return ['lab', ...words].map(shellQuote).join(' ');
}

/** Downloads, source trees and compiled objects outlive a command that fetches or builds. */
export function keepsCache(): () => void {
  return onInterruptKept(() => [
    `what was downloaded, unpacked and compiled, in ${printable(defaultCacheDir())}; to go on: ${sameCommand()}`,
  ]);
}
