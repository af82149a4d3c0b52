// SPDX-License-Identifier: Apache-2.0
// What the commands of the table work on. Each is made when a case first needs it.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../util/package-root.js';
import { mustRun } from '../../util/process/command.js';
import { Server } from '../endurance/server.js';
import { StartedLab } from '../endurance/started-lab.js';
import { runLab } from '../lab.js';

/** Paths and addresses. */
export interface Fixtures {
  /** The folder of a run that found a lost file. */
  run: string;
  bundle: string;
  /** A folder with two images. */
  store: string;
  /** A folder with slow.yaml, a kernel whose makefile never ends. */
  slowKernel: string;
  /** A Redis without jobs. */
  queue: string;
  /** A Redis with the jobs of a matrix that runs. */
  busyQueue: string;
}

const LOST = join(packageRoot(), 'scenarios/lost.yaml');
const QUICK = join(packageRoot(), 'scenarios/matrix/quick.yaml');
const MAKEFILE = `allnoconfig:
\tcp $(KCONFIG_ALLCONFIG) .config
bzImage:
\t@echo '  CC      init/main.o'
\t@sleep 600
`;

export class FixtureMaker {
  private readonly made = new Map<keyof Fixtures, Promise<string>>();
  private readonly ends: (() => Promise<unknown>)[] = [];

  constructor(private readonly dir: string) {}

  /** @returns the named ones; the others are empty words */
  async make(names: readonly (keyof Fixtures)[]): Promise<Fixtures> {
    const all: Fixtures = { run: '', bundle: '', store: '', slowKernel: '', queue: '', busyQueue: '' };
    for (const name of names) all[name] = await this.one(name);
    return all;
  }

  async close(): Promise<void> {
    for (const end of this.ends.reverse()) await end();
  }

  private one(name: keyof Fixtures): Promise<string> {
    const known = this.made.get(name) ?? this.makers[name]();
    this.made.set(name, known);
    return known;
  }

  private readonly makers: Record<keyof Fixtures, () => Promise<string>> = {
    run: async () => {
      const results = this.folder('results');
      await this.lab(['run', LOST, '--results', results]);
      return join(results, readdirSync(results)[0] ?? '');
    },
    bundle: async () => {
      const path = join(this.dir, 'run.lab.tar.gz');
      await this.lab(['bundle', await this.one('run'), '--kernels', '--symbols', '--output', path]);
      return path;
    },
    store: async () => {
      const folder = this.folder('store');
      await this.lab(['images', 'push', '7.2.12', '7.3.4', '--store', folder]);
      return folder;
    },
    slowKernel: async () => {
      const folder = this.folder('slow');
      const tree = this.folder('slow/linux-9');
      writeFileSync(join(tree, 'Makefile'), MAKEFILE);
      await mustRun(['tar', '-C', folder, '-cJf', join(folder, 'linux-9.tar.xz'), 'linux-9'], 'cannot pack a tree');
      writeFileSync(join(folder, 'a.config'), 'CONFIG_A=y\n');
      writeFileSync(
        join(folder, 'slow.yaml'),
        'sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n',
      );
      return folder;
    },
    queue: () => this.redis('redis'),
    busyQueue: async () => {
      const url = await this.redis('busy-redis');
      const words = ['matrix', QUICK, '--queue', url, '--results', this.folder('matrix')];
      const matrix = new StartedLab(words, {});
      this.ends.push(() => {
        matrix.kill('SIGTERM');
        return matrix.ended;
      });
      return url;
    },
  };

  private async redis(name: string): Promise<string> {
    const server = await Server.start(this.folder(name));
    this.ends.push(() => server.kill({ forgets: true }));
    return server.url;
  }

  private folder(name: string): string {
    const path = join(this.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  private async lab(words: readonly string[]): Promise<void> {
    const { code, stderr } = await runLab(words);
    if (code !== 0) throw new Error(`lab ${words.join(' ')} ended with ${code}: ${stderr.slice(-2000)}`);
  }
}
