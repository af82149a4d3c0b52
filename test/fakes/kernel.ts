// SPDX-License-Identifier: Apache-2.0
// The kernels of the fake machine: how they treat files and sessions, as the agent reports it. They are healthy until a
// test damages them.
import { Pattern } from '../../src/oracles/files/pattern.js';
import type { FakeRam } from './ram.js';

const PAGE = 4096;
/** Pages that a kernel manages after its boot, without those that were handed over to it. */
const MANAGED = 15_000;

export interface FakeFile {
  pattern: Pattern;
  firstPfn: number;
  pages: number;
  seals: string[];
  position: number;
}

export type Args = Readonly<Record<string, string>>;
export type Answer = { ok: true; [key: string]: unknown } | { ok: false; errno: string; at: string };
type Sessions = Map<string, Map<string, FakeFile>>;

const done = (data: Record<string, unknown> = {}): Answer => ({ ok: true, ...data });
const failed = (errno: string, at: string): Answer => ({ ok: false, errno, at });

export class FakeKernel {
  /** By the agent's names. */
  readonly files = new Map<string, FakeFile>();
  outgoing: Sessions = new Map();
  incoming: Sessions = new Map();
  private readonly retrieved = new Map<string, 'incoming' | 'outgoing'>();
  private readonly restored = new Set<FakeFile>();
  private managed = MANAGED;
  /** Memory counters that a test makes it report instead. */
  memory: Record<string, unknown> = {};
  private readonly leaks = new Set<FakeFile>();

  constructor(
    readonly ram: FakeRam,
    readonly epoch: number,
    readonly bootId: string,
    readonly release: string,
  ) {
    ram.boot(release);
  }

  /** The kernel that runs after a kexec. */
  next(bootId: string, release: string): FakeKernel {
    const kernel = new FakeKernel(this.ram, this.epoch + 1, bootId, release);
    kernel.incoming = this.outgoing;
    for (const file of this.files.values()) this.eachPage(file, (pfn) => this.ram.free(pfn));
    for (const file of filesOf(this.outgoing)) this.eachPage(file, (pfn) => this.ram.mark(pfn));
    return kernel;
  }

  answer(op: string, args: Args): Answer {
    const operation = OPERATIONS[op];
    return operation === undefined ? failed('BADREQ', `no operation ${op}`) : operation(this, args);
  }

  // -- what operations are made of
  // -------------------------------------------------------------------------------------------

  file(args: Args): FakeFile | null {
    return this.files.get(args['file'] ?? '') ?? null;
  }

  make({ file = '', size = '0', seed = '0', seals = '', pos = '0' }: Args): Answer {
    const pattern = new Pattern({ size: Number(size), seed: Number(seed), holes: [] });
    const made = {
      pattern,
      pages: pattern.pages,
      firstPfn: this.ram.allocate(pattern.pages),
      seals: seals === '' ? ['seal'] : seals.split(','),
      position: Number(pos),
    };
    for (let page = 0; page < made.pages; page++)
      this.ram.memory.write((made.firstPfn + page) * PAGE, pattern.page(page));
    this.cache(made);
    this.files.set(file, made);
    return done({ hugeKb: 0 });
  }

  preserve({ session = '', file = '', token = '' }: Args): Answer {
    const held = this.files.get(file);
    const into = this.outgoing.get(session);
    if (held === undefined || into === undefined) return failed('NOHANDLE', 'preserve');
    into.set(token, held);
    this.count();
    return done();
  }

  create({ session = '' }: Args): Answer {
    if (this.outgoing.has(session)) return failed('EEXIST', 'LIVEUPDATE_IOCTL_CREATE_SESSION');
    this.outgoing.set(session, new Map());
    this.retrieved.set(session, 'outgoing');
    return done();
  }

  retrieveSession({ session = '' }: Args): Answer {
    if (!this.incoming.has(session)) return failed('ENOENT', 'LIVEUPDATE_IOCTL_RETRIEVE_SESSION');
    this.retrieved.set(session, 'incoming');
    return done();
  }

  retrieve({ session = '', token = '', file = '' }: Args): Answer {
    const back = this.incoming.get(session)?.get(token);
    if (back === undefined) return failed('ENOENT', 'LIVEUPDATE_SESSION_RETRIEVE_FD');
    this.restore(back);
    this.files.set(file, back);
    return done();
  }

  /** This kernel neither restores the file nor gives it back. */
  lose({ session = '', token = '' }: Args): void {
    const file = this.incoming.get(session)?.get(token);
    if (file !== undefined) this.leaks.add(file);
  }

  /** Releases everything that was not retrieved. */
  finish({ session = '' }: Args): Answer {
    for (const file of this.incoming.get(session)?.values() ?? []) if (!this.restored.has(file)) this.giveBack(file);
    return done();
  }

  close({ session, file }: Args): Answer {
    if (session !== undefined) {
      (this.retrieved.get(session) === 'outgoing' ? this.outgoing : this.incoming).delete(session);
      this.retrieved.delete(session);
      this.count();
    }
    if (file !== undefined) this.closeFile(file);
    return done();
  }

  private closeFile(name: string): void {
    const file = this.files.get(name);
    this.files.delete(name);
    if (file === undefined || [...this.files.values(), ...filesOf(this.outgoing)].includes(file)) return;
    this.eachPage(file, (pfn) => this.ram.free(pfn));
  }

  verify(file: FakeFile, args: Args): Answer {
    const pattern = new Pattern({ size: Number(args['size']), seed: Number(args['seed']), holes: [] });
    const words = new Uint32Array(PAGE / 4);
    let bad = 0;
    for (let page = 0; page < file.pages; page++) {
      this.ram.memory.read((file.firstPfn + page) * PAGE, new Uint8Array(words.buffer));
      if (pattern.compare(page, words, 0) >= 0) bad++;
    }
    return done({
      pages: file.pages,
      bad,
      firstBad: bad > 0 ? { page: 0, offset: 0, want: 0, got: 0 } : null,
      ranges: [],
    });
  }

  get zones(): Answer {
    const free = this.managed - 1000;
    const held = {
      anonKb: 900,
      slabKb: 3000,
      slabUnreclaimableKb: 2000,
      kernelStackKb: 500,
      pageTablesKb: 100,
      vmallocKb: 300,
    };
    return done({
      managed: this.managed,
      free,
      freeOnCpus: 0,
      memFreeKb: 4 * free,
      memAvailableKb: 4 * free,
      ...held,
      ...this.memory,
    });
  }

  /** The pages that are set aside for the next kernel. */
  private count(): void {
    this.ram.setAside(filesOf(this.outgoing).reduce((sum, { pages }) => sum + pages, 0));
  }

  private restore(file: FakeFile): void {
    if (this.restored.has(file)) return;
    this.restored.add(file);
    this.managed += file.pages;
    this.cache(file);
  }

  private cache(file: FakeFile): void {
    this.eachPage(file, (pfn) => this.ram.inCache(pfn, pfn - file.firstPfn, file.firstPfn));
  }

  private giveBack(file: FakeFile): void {
    if (this.leaks.has(file)) return;
    this.restored.add(file);
    this.managed += file.pages;
    this.eachPage(file, (pfn) => this.ram.free(pfn));
  }

  private eachPage({ firstPfn, pages }: FakeFile, visit: (pfn: number) => void): void {
    for (let page = 0; page < pages; page++) visit(firstPfn + page);
  }
}

export function filesOf(sessions: Sessions): FakeFile[] {
  return [...sessions.values()].flatMap((files) => [...files.values()]);
}

const onFile =
  (act: (kernel: FakeKernel, file: FakeFile, args: Args) => Answer) =>
  (kernel: FakeKernel, args: Args): Answer => {
    const file = kernel.file(args);
    return file === null ? failed('NOHANDLE', 'no such file') : act(kernel, file, args);
  };

const OPERATIONS: Readonly<Record<string, (kernel: FakeKernel, args: Args) => Answer>> = {
  hello: ({ bootId, release }) =>
    done({ protocol: 1, release, bootId, device: true, pid: 100, pageSize: PAGE, uptime: 2 }),
  open: () => done({ opened: true }),
  create: (kernel, args) => kernel.create(args),
  'retrieve-session': (kernel, args) => kernel.retrieveSession(args),
  memfd: (kernel, args) => kernel.make(args),
  preserve: (kernel, args) => kernel.preserve(args),
  retrieve: (kernel, args) => kernel.retrieve(args),
  stat: onFile((_, { pattern: { content }, position, seals, pages }) =>
    done({
      size: content.size,
      pos: position,
      seals,
      mode: 0o777,
      access: 'rw',
      blocks: pages * 8,
      data: [[0, pages]],
    }),
  ),
  verify: onFile((kernel, file, args) => kernel.verify(file, args)),
  pfns: onFile((_, { firstPfn, pages }) => done({ runs: [[0, firstPfn, pages]] })),
  finish: (kernel, args) => kernel.finish(args),
  close: (kernel, args) => kernel.close(args),
  load: () => done({ readUs: 1 }),
  zones: (kernel) => kernel.zones,
  settle: () => done(),
  finalize: () => done({ present: false }),
  kmemleak: () => failed('ENOENT', 'open /sys/kernel/debug/kmemleak'),
  'page-owners': () => failed('ENOENT', 'open /sys/kernel/debug/page_owner'),
  'page-stacks': () => failed('ENOENT', 'open /sys/kernel/debug/page_owner_stacks/count_threshold'),
  ssh: () => done({ fingerprint: 'A'.repeat(43) }),
  renew: () => done(),
};
