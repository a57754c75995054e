import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The resident memory of a bare runtime in bytes, by the port that it listens on. */
export function residentMemory(server: { readonly url: string }): number {
  const address = new URL(server.url).host;
  const own = processes().find(({ command }) => isRuntime(command, address));
  if (own === undefined) throw new Error(`no runtime listens on ${address}`);
  return own.residentKiB * 1024;
}

/** Excludes the shell that started it, whose command line contains the name too. */
function isRuntime(command: string, address: string): boolean {
  return /^\S*workerd serve /.test(command) && command.includes(`=${address} `);
}

interface Process {
  readonly command: string;
  readonly residentKiB: number;
}

/** All processes: from /proc, or from `ps` where there is no /proc. */
function processes(): Process[] {
  let pids: string[];
  try {
    pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  } catch {
    const lines = execFileSync("ps", ["-axo", "rss=,args="], { encoding: "utf8" }).trim().split("\n");
    return lines.map((line) => {
      const [residentKiB = "", ...command] = line.trim().split(/\s+/);
      return { command: command.join(" "), residentKiB: Number(residentKiB) };
    });
  }
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return [{ command, residentKiB: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) }];
    } catch {
      return []; // it has ended in the meantime
    }
  });
}
