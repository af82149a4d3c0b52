// SPDX-License-Identifier: Apache-2.0
// Explains the run of a finding, with what is on this host: a hunt builds no symbols.
import { relative } from 'node:path';
import type { Explain } from '../../fuzz/findings/confirm.js';
import { whereText } from '../../report/hunt/where.js';
import { explainText } from '../../report/text/explain.js';
import { explain } from '../../repro/explain/explain.js';
import { LabError, messageOf } from '../../util/errors.js';

export const explained: Explain = async ({ scenario, result, folder }, signal) => {
  try {
    const name = relative('.', folder) || folder;
    const story = await explain(
      { result, scenario, name, folder, mayResolveKernel: () => true, buildSymbols: false },
      { signal, onProgress: () => undefined },
    );
    return { text: explainText(story, { isTTY: false }), where: whereText(story) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LabError)) throw error;
    return { text: `There is no explanation: ${messageOf(error)}\n`, where: null };
  }
};
