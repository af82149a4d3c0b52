// SPDX-License-Identifier: Apache-2.0
// The entry of `lab`: finds the command, and turns errors into messages and exit statuses.
import { Command, CommanderError } from 'commander';
import { ScenarioError } from '../scenario/index.js';
import { LabError, messageOf, UsageError } from '../util/errors.js';
import { catchSignals, INTERRUPT_STATUS, interruptText, UserInterrupt } from '../util/process/interrupt.js';
import { COMMANDS } from './commands.js';
import { EXIT_INFRA, EXIT_USAGE } from './common/exit.js';
import { labVersion } from './common/version.js';

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('lab')
    .description('boots real kernels, hands one over to the next, and proves what came back')
    .version(labVersion())
    .showSuggestionAfterError();
  const name = argv.find((word) => !word.startsWith('-'));
  const load = name === undefined ? undefined : COMMANDS[name];
  // Only help and the suggestion for a misspelt name need all commands.
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
  if (error instanceof UserInterrupt) {
    process.stderr.write(interruptText(error));
    return INTERRUPT_STATUS[error.signalName] ?? 1;
  }
  process.stderr.write(`lab: ${messageOf(error)}\n`);
  if (error instanceof LabError) {
    if (error.detail !== null) process.stderr.write(`${error.detail}\n`);
    if (error.hint !== null) process.stderr.write(`try: ${error.hint}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_INFRA;
  }
  process.stderr.write(`${(error as Error)?.stack ?? ''}\nThis is a bug of the lab itself.\n`);
  return EXIT_INFRA;
}

/** A pipe takes a large result piece by piece, so exit only once everything is written, or nobody reads any more. */
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

// An error that escapes every handler is a bug of the lab: print it, and never take it for a verdict. The machine dies
// with the lab.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => exit(report(error)));

catchSignals();

// Exit explicitly: a stuck handle must not keep a finished lab alive.
main(process.argv.slice(2)).then(
  () => exit(process.exitCode ?? 0),
  (error: unknown) => exit(report(error)),
);
