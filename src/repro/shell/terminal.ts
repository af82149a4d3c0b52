// SPDX-License-Identifier: Apache-2.0
// Connects the user's terminal to a shell in the machine, by SSH, or to QEMU's monitor if no kernel answers any more.
import { createInterface } from 'node:readline';
import type { Session } from '../../guest/session.js';
import type { Machine } from '../../run/index.js';
import { printable } from '../../util/text/escape.js';
import { messageOf } from '../../util/errors.js';
import { shellQuote } from '../../util/text/shell-quote.js';

export interface Terminal {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
}

/**
 * Runs a shell in the machine until it exits or `signal` aborts.
 * @param prompt text before the `#`
 */
export async function shellInMachine(
  ssh: Session,
  prompt: string,
  { input, output }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const isTerminal = input.isTTY && output.isTTY;
  const shell = `PS1=${shellQuote(`${prompt} # `)} exec /bin/sh`;
  const channel = isTerminal
    ? await ssh.terminal(`${shell} -i`, {
        rows: output.rows,
        cols: output.columns,
        term: process.env['TERM'] ?? 'vt100',
      })
    : await ssh.channel(shell);
  const resize = () => channel.setWindow(output.rows, output.columns, 0, 0);
  const send = (chunk: Buffer) => channel.write(chunk);
  const end = () => channel.end();
  // In raw mode Ctrl-C goes to the shell in the machine, not to the lab.
  if (isTerminal) input.setRawMode(true);
  input.on('data', send).on('end', end);
  if (input.readableEnded) end();
  output.on('resize', resize);
  try {
    await new Promise<void>((resolve, reject) => {
      channel.on('data', (chunk: Buffer) => output.write(chunk));
      channel.stderr.on('data', (chunk: Buffer) => output.write(chunk));
      channel.on('error', () => undefined).on('close', () => resolve());
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  } finally {
    input.off('data', send).off('end', end).pause();
    output.off('resize', resize);
    if (isTerminal) input.setRawMode(false);
    channel.close();
  }
}

/** Runs QEMU's human monitor, line by line, until `exit` or the end of the input. Its answers are made printable. */
export async function monitorPrompt(machine: Machine, { input, output }: Terminal, signal: AbortSignal): Promise<void> {
  const lines = createInterface({ input, output, prompt: 'monitor (exit continues)> ', terminal: input.isTTY });
  const stop = () => lines.close();
  signal.addEventListener('abort', stop, { once: true });
  lines.on('SIGINT', stop);
  // Lines that came before the end of the input are still read after it.
  let isOpen = true;
  lines.once('close', () => (isOpen = false));
  const prompt = () => {
    if (isOpen) lines.prompt();
  };
  try {
    prompt();
    for await (const line of lines) {
      const command = line.trim();
      if (command === 'exit') break;
      if (command !== '') output.write(`${await answer(machine, command)}\n`);
      prompt();
    }
  } finally {
    lines.close();
    signal.removeEventListener('abort', stop);
  }
  signal.throwIfAborted();
}

async function answer(machine: Machine, command: string): Promise<string> {
  try {
    return (await machine.human(command))
      .trimEnd()
      .split('\n')
      .map((line) => printable(line, 500))
      .join('\n');
  } catch (error) {
    return messageOf(error);
  }
}
