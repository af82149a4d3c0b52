// SPDX-License-Identifier: Apache-2.0
// `lab`: arguments to commands, errors to exit status.
import { Command, CommanderError } from 'commander';
import { ScenarioError } from '../scenario/index.js';
import { LabError, messageOf, UsageError } from '../util/errors.js';
import { COMMANDS } from './commands.js';
import { EXIT_INFRA, EXIT_USAGE } from './exit.js';
import { Interrupted, INTERRUPT_STATUS } from './interrupt.js';
import { labVersion } from './version.js';

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('lab')
    .description('boots real kernels, hands one over to the next, and proves what came back')
    .version(labVersion())
    .showSuggestionAfterError();
  const wanted = argv.find((word) => !word.startsWith('-'));
  const load = wanted === undefined ? undefined : COMMANDS[wanted];
  // Help and a misspelt word need all names; a command needs only itself.
  for (const make of load === undefined ? Object.values(COMMANDS) : [load]) program.addCommand(await make());
  for (const command of withSubcommands(program)) command.exitOverride();
  await program.parseAsync([...argv], { from: 'user' });
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof ScenarioError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT_USAGE;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`lab: ${error.message}; nothing is left behind\n`);
    return INTERRUPT_STATUS[error.signalName] ?? 1;
  }
  process.stderr.write(`lab: ${messageOf(error)}\n`);
  if (error instanceof LabError) {
    if (error.detail !== null) process.stderr.write(`${error.detail}\n`);
    if (error.hint !== null) process.stderr.write(`try: ${error.hint}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_INFRA;
  }
  process.stderr.write(`${(error as Error)?.stack ?? ''}\nThis is a fault of the lab itself.\n`);
  return EXIT_INFRA;
}

/** A pipe takes a large result piece by piece: the process ends when all of it has gone, or when nobody reads. */
function exit(code: number | string): void {
  const streams = [process.stdout, process.stderr];
  let open = streams.length;
  for (const stream of streams) {
    stream.on('error', () => process.exit(code));
    stream.write('', () => {
      if (--open === 0) process.exit(code);
    });
  }
}

// An error that escaped every handler is the lab's fault: said, and never taken for a verdict. The machine dies with
// the lab.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => exit(report(error)));

// The exit is asked for and not waited for: a stuck handle must not keep a finished lab alive.
main(process.argv.slice(2)).then(
  () => exit(process.exitCode ?? 0),
  (error: unknown) => exit(report(error)),
);
