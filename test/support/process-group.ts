import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

/** How a process ended: with an exit code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs the command together with a guard in the same process group. The guard waits for the end of descriptor 3,
 * a pipe that this process holds, and then kills the group. No server outlives the tests, even if they end by SIGKILL.
 */
const GUARDED = '{ cat <&3; kill -9 0; } >/dev/null 2>&1 & exec "$@" 3<&-';

/** How long the kernel may take to end a killed group. */
const REAP_TIMEOUT_MS = 5_000;

/** A command and everything it starts, as one Unix process group, which Ctrl-C in a terminal or a power cut would end. */
export class ProcessGroup {
  /** Resolves when the command has ended and its output is complete. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #leader: number;
  #output = "";
  #isGone = false;

  constructor(
    command: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ) {
    this.#child = spawn("/bin/sh", ["-c", GUARDED, "sh", ...command], {
      ...options,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    if (this.#child.pid === undefined) throw new Error("cannot start /bin/sh");
    this.#leader = this.#child.pid;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    }
    const lifeline = this.#child.stdio[3];
    if (lifeline instanceof Socket) {
      lifeline.on("error", () => undefined); // the guard was killed with its group
      this.#child.once("exit", () => lifeline.destroy());
    }
    this.exited = once(this.#child, "close").then(() => ({
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
    }));
  }

  /** Whether the command itself has ended. */
  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The group's output so far: both streams in order of arrival, without colours. */
  output(): string {
    return stripVTControlCharacters(this.#output);
  }

  /** The ids of its running processes. Empty without /proc. */
  pids(): number[] {
    return this.#isGone
      ? []
      : membersOf(this.#leader)
          .map((text) => Number.parseInt(text, 10))
          .filter(Number.isInteger);
  }

  /** Sends SIGINT to every process of the group, as a terminal does on Ctrl-C. */
  interrupt(): void {
    this.#signal("SIGINT");
  }

  /** Sends SIGKILL to every process of the group. Resolves when none is left, and rejects if one survives. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.exited;
    const deadline = Date.now() + REAP_TIMEOUT_MS;
    for (;;) {
      const living = membersOf(this.#leader);
      if (living.length === 0) break;
      if (Date.now() > deadline) throw new Error(`survived SIGKILL: ${living.join(", ")}`);
      await delay(5);
    }
    this.#isGone = true;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#isGone) return; // the id may belong to another group by now
    try {
      process.kill(-this.#leader, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

/** The running processes of a group as "pid (name)". Without /proc, the group as a whole. */
function membersOf(group: number): string[] {
  let pids: string[];
  try {
    pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return isSignalable(group) ? [`group ${group}`] : [];
  }
  return pids.flatMap((pid) => {
    const stat = readStat(pid);
    // proc(5): "pid (name) state parent group …", the number of threads 17 fields after the state; the name may
    // hold spaces and parentheses
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    // a zombie holds no ports or files, unless it is a main thread that ended before the others
    const isGone = fields[0] === "Z" && Number(fields[17]) <= 1;
    return Number(fields[2]) === group && !isGone ? [stat.slice(0, end + 1)] : [];
  });
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // it has ended in the meantime
  }
}

function isSignalable(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
