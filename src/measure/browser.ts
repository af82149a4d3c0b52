// SPDX-License-Identifier: Apache-2.0
// A real Chromium that reaches no network of its own accord, for tests and figures of the report. It leaves nothing
// behind.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { ensureTools, findProgram, openWorkspace } from '../images/index.js';
import { LabError } from '../util/errors.js';
import { keep, removeAtEnd } from '../util/process/reaper.js';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts one, installs it first where that is needed and allowed, and ends it after `body`. */
export async function withBrowser<T>(body: (browser: Browser) => Promise<T>): Promise<T> {
  await ensureTools(['test'], openWorkspace({ signal: new AbortController().signal, onProgress: () => undefined }));
  const executablePath = findProgram('chromium');
  if (executablePath === null) throw new LabError('there is no chromium');
  const { launch } = await import('puppeteer-core');
  const userDataDir = mkdtempSync(join(tmpdir(), 'lab-browser-'));
  removeAtEnd(userDataDir);
  const browser = await launch({ executablePath, userDataDir, args: FLAGS });
  try {
    return await body(browser);
  } finally {
    await browser.close();
    rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 });
    keep(userDataDir);
  }
}
