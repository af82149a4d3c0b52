// SPDX-License-Identifier: Apache-2.0
// A night with a hunt at its end, on real kernels: the hunt is in the summary and in the report.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lab, ROOT, temporary } from '../lab.js';

it('a night ends with a hunt, and its report shows it', async () => {
  const dir = temporary();
  const results = join(dir, 'results');
  const plan = join(dir, 'night.yaml');
  writeFileSync(join(dir, 'hunt.yaml'), 'generators: {calls: 1}\nexecutions: 2\nseed: 1\n');
  writeFileSync(
    plan,
    `kernels: [7.3.4]\nscenarios: [{file: ${join(ROOT, 'scenarios/first-update.yaml')}}]\nfuzz: {plan: hunt.yaml}\n`,
  );
  const night = await lab(['matrix', plan, '--results', results]);
  expect(night.code, night.stderr).toBe(0);
  expect(night.stdout).toMatch(/^hunt .*hunt\.yaml: 2 inputs/m);
  // Nothing is left to do.
  const again = await lab(['matrix', plan, '--results', results, '--resume']);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(': 2 inputs');
  const html = join(dir, 'html');
  expect((await lab(['report', '--results', results, '--html', html])).code).toBe(0);
  expect(readFileSync(join(html, 'index.html'), 'utf8')).toContain('href="hunt.html"');
  expect(existsSync(join(html, 'hunt.html'))).toBe(true);
});
