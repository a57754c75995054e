import { readFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../support/project.ts";
import { diskWriteMs } from "../measure/disk.ts";

/** The packages whose versions results depend on. */
const PACKAGES = ["workerd", "partyserver", "ws", "socket.io"];

/** What the figures were measured on, and of. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** How long a page takes to be safe on the disk that rooms are stored on, in milliseconds. */
  readonly diskWriteMs: number;
  /** Of packages, by name, and of Node. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Describes this machine and what is installed. */
export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    diskWriteMs: diskWriteMs(),
    versions: {
      node: process.versions.node,
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    },
  };
}

/** The same in lines. */
export function machineLines(machine: Machine): string[] {
  const { processor, cores, memoryGiB, system, versions } = machine;
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    `a page of ${tmpdir()}, where rooms are stored, is safe on disk after ${machine.diskWriteMs.toFixed(3)} ms`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  ];
}

function versionOf(name: string): string {
  const about: unknown = JSON.parse(
    readFileSync(join(projectRoot, "node_modules", name, "package.json"), "utf8"),
  );
  const isAbout = typeof about === "object" && about !== null && "version" in about;
  return isAbout ? String(about.version) : "unknown";
}
