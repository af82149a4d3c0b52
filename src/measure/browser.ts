// SPDX-License-Identifier: Apache-2.0
// Starts a real Chromium for tests and measurements of the report. It uses no network by itself, and leaves no files.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { ensureTools, findProgram, openWorkspace } from '../images/index.js';
import { LabError } from '../util/errors.js';
import { makeTemp, untrackTemp } from '../util/process/reaper.js';

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

/** Runs `body` with a browser. Installs it first if it is missing and the lab may do so. */
export async function withBrowser<T>(body: (browser: Browser) => Promise<T>): Promise<T> {
  await ensureTools(['test'], openWorkspace({ signal: new AbortController().signal, onProgress: () => undefined }));
  const executablePath = findProgram('chromium');
  if (executablePath === null) throw new LabError('chromium is not installed');
  const { launch } = await import('puppeteer-core');
  const userDataDir = makeTemp(join(tmpdir(), 'lab-browser-'));
  const browser = await launch({ executablePath, userDataDir, args: FLAGS });
  try {
    return await body(browser);
  } finally {
    await browser.close();
    rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 });
    untrackTemp(userDataDir);
  }
}
