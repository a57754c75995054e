import { readFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../support/project.ts";
import { diskWriteMs } from "../measure/disk.ts";

/** The packages whose versions affect the results. */
const PACKAGES = ["workerd", "partyserver", "ws", "socket.io"];

/** The machine and the versions that were measured. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** How long a durable write of one page takes where rooms are stored, in milliseconds. */
  readonly diskWriteMs: number;
  /** The versions of Node and of packages, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Describes this machine and the installed versions. */
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

/** The same as lines of text. */
export function machineLines(machine: Machine): string[] {
  const { processor, cores, memoryGiB, system, versions } = machine;
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    `a durable write of one page to ${tmpdir()}, where rooms are stored, takes ${machine.diskWriteMs.toFixed(3)} ms`,
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
