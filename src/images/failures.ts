// SPDX-License-Identifier: Apache-2.0
// What goes wrong with a kernel's own source, in contrast to the host: a patch does not fit, or the compiler refuses.
import { LabError } from '../util/errors.js';
import { lastLines } from '../util/process/command.js';

/** A patch that does not fit its source. */
export class DoesNotApply extends LabError {
  override name = 'DoesNotApply';

  constructor(
    readonly patch: string,
    source: string,
    /** What patch(1) said. */
    readonly output: string,
  ) {
    super(`${patch} does not apply to the source of ${source}`, { detail: lastLines(output, 30) });
  }
}

/** A source that cannot be configured or compiled. */
export class DoesNotBuild extends LabError {
  override name = 'DoesNotBuild';

  constructor(
    message: string,
    /** The end of what make said. */
    readonly output: string,
  ) {
    super(message, { detail: lastLines(output, 30) });
  }
}
