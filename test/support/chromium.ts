import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cachedDir } from "./cache.ts";
import { projectRoot } from "./project.ts";

/** A browser that runs on this machine. */
export interface Chromium {
  readonly executablePath: string;
  /** The additional environment variables that it needs. */
  readonly env: Readonly<Record<string, string>>;
}

const INSTALLED = ["/usr/bin/chromium", "/usr/bin/google-chrome"];

/**
 * Finds a Chromium: the one named by `CHROMIUM_PATH`, else an installed one, else the one from npm.
 * Rejects with the reason if it does not run on this machine.
 */
export async function findChromium(): Promise<Chromium> {
  const path = process.env["CHROMIUM_PATH"] ?? INSTALLED.find((candidate) => existsSync(candidate));
  const chromium = path === undefined ? await packagedChromium() : { executablePath: path, env: {} };
  // enough to load every shared library that it needs
  await promisify(execFile)(chromium.executablePath, ["--version"], {
    env: { ...process.env, ...chromium.env },
  });
  return chromium;
}

/**
 * The browser of `@sparticuz/chromium`, for Linux on x86-64. The package is made for AWS Lambda, where it unpacks
 * itself into /tmp. Here it is unpacked into a folder that is either complete or absent. It includes libraries for Amazon
 * Linux, so it needs only glibc from the system, and no libnss3.
 */
async function packagedChromium(): Promise<Chromium> {
  const packageDir = join(projectRoot, "node_modules", "@sparticuz", "chromium");
  const { version } = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8")) as {
    version: string;
  };
  const dir = await cachedDir(`chromium-${version}`, async (draft) => {
    const { inflate } = await import("@sparticuz/chromium");
    const archives = ["chromium.br", "al2023.tar.br", "fonts.tar.br"].map((name) =>
      join(packageDir, "bin", name),
    );
    await Promise.all(insteadOfTemporaryDir(draft, () => archives.map((archive) => inflate(archive))));
  });
  const fonts = join(dir, "fonts.conf");
  if (!existsSync(fonts)) writeFileSync(fonts, fontsConfig(join(dir, "fonts")));
  return {
    executablePath: join(dir, "chromium"),
    env: { LD_LIBRARY_PATH: join(dir, "al2023", "lib"), FONTCONFIG_FILE: fonts },
  };
}

/** `inflate` reads the temporary folder once, when it is called, and has no other parameter for the destination. */
function insteadOfTemporaryDir<Result>(dir: string, call: () => Result): Result {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = dir;
  try {
    return call();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}

/** The package's own configuration names /tmp/fonts. */
function fontsConfig(dir: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${dir}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${dir}-cache</cachedir>
</fontconfig>
`;
}
