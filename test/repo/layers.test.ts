import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { circlesIn, fileGraph, importsIn, type Import, type Sources } from "../support/import-graph.ts";
import { filesIn, read } from "../support/repository.ts";

/** What the files of a folder of src/ may import, besides each other: other folders, and packages. */
interface Layer {
  /** A row may also name a file, if the rest of its folder is not for this layer. */
  readonly folders: readonly string[];
  /** Folders of which it imports only types. */
  readonly types?: readonly string[];
  readonly packages: readonly string[];
}

const ALL_BELOW_ROOM = ["protocol", "config", "limits", "auth", "metrics"];

/** The architecture. `room/api.ts` is the one file of room/ that others see, and only its types. */
const LAYERS: Readonly<Record<string, Layer>> = {
  // The package is for the binary dialect, in protocol/proto: the client without it holds none of it (size.test.ts).
  protocol: { folders: [], packages: ["@bufbuild/protobuf"] },
  config: { folders: ["protocol"], packages: [] },
  limits: { folders: ["protocol"], packages: [] },
  // Node's packages are those of the tool that mints tokens.
  auth: { folders: ["protocol", "limits"], packages: ["jose", "node:crypto", "node:fs", "node:util"] },
  metrics: { folders: [], packages: [] },
  registry: { folders: ["auth"], packages: ["cloudflare:workers"] },
  room: { folders: ALL_BELOW_ROOM, packages: ["cloudflare:workers"] },
  transports: { folders: ["protocol", "limits", "metrics", "room/api.ts"], packages: ["cloudflare:workers"] },
  worker: {
    folders: [...ALL_BELOW_ROOM, "room/api.ts", "transports", "registry", "rooms.ts"],
    packages: ["hono", "valibot", "cloudflare:workers"],
  },
  client: { folders: ["protocol"], packages: [] },
  // Applications load it in their own tests, so it has nothing of the platform. The draft of the state is plain data.
  testing: {
    folders: ["protocol", "config", "room/state/state-draft.ts"],
    types: ["client"],
    packages: [],
  },
  // A peer dependency: an application that uses another framework does not install it.
  react: { folders: ["client"], packages: ["react"] },
  // Node's packages and esbuild are its build script's; the browser's bundle would fail on them.
  pages: {
    folders: ["client", "protocol"],
    packages: ["uqr", "esbuild", "node:fs", "node:path", "node:url"],
  },
  "rooms.ts": { folders: ["config"], packages: [] },
  // `npm run build`.
  "build.ts": { folders: [], packages: ["node:child_process", "node:fs", "node:path", "node:url"] },
  // `npm run dev`.
  "dev.ts": {
    folders: [],
    packages: [
      "node:child_process",
      "node:events",
      "node:fs",
      "node:os",
      "node:readline",
      "node:url",
      "node:util",
    ],
  },
};

/**
 * What lies in these folders is a layer as well: each sub-folder, and each file beside the sub-folders. A row names the other
 * layers of the folder that it imports, types included.
 */
const INNER_LAYERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  room: {
    connections: [],
    "api.ts": [],
    "tables.ts": [],
    log: ["api.ts", "tables.ts"],
    presence: ["connections", "api.ts", "tables.ts", "log"],
    state: ["tables.ts"],
    delivery: ["connections", "log", "presence", "state"],
    lifetime: ["connections", "tables.ts", "presence"],
    access: ["connections", "api.ts", "tables.ts", "presence", "delivery", "lifetime"],
    hooks: ["presence", "state", "delivery"],
    membership: [
      "connections",
      "api.ts",
      "tables.ts",
      "log",
      "presence",
      "state",
      "delivery",
      "lifetime",
      "access",
      "hooks",
    ],
    acts: ["connections", "api.ts", "log", "presence", "state", "delivery", "access", "hooks", "membership"],
    "assemble.ts": [
      "connections",
      "tables.ts",
      "log",
      "presence",
      "state",
      "delivery",
      "lifetime",
      "access",
      "hooks",
      "membership",
      "acts",
    ],
    "clock-setback.ts": ["assemble.ts"],
    "queries.ts": ["api.ts", "log", "acts", "assemble.ts"],
    "reaper.ts": ["assemble.ts"],
    "waiters.ts": ["assemble.ts", "lifetime"],
    "room.ts": [
      "connections",
      "api.ts",
      "tables.ts",
      "delivery",
      "lifetime",
      "membership",
      "acts",
      "assemble.ts",
      "clock-setback.ts",
      "queries.ts",
      "reaper.ts",
      "waiters.ts",
    ],
  },
  worker: {
    admission: [],
    "timeout.ts": [],
    "env.ts": ["admission"],
    rooms: ["admission", "env.ts"],
    startup: ["env.ts"],
    routes: ["admission", "timeout.ts", "env.ts", "rooms"],
    "app.ts": ["admission", "env.ts", "rooms", "routes"],
    "parlor-in-node.ts": ["parlor.ts"],
    "parlor.ts": ["env.ts", "rooms", "startup", "routes", "app.ts"],
    "index.ts": ["parlor.ts"],
  },
  client: {
    runtime: [],
    "recovery.ts": [],
    "tokens.ts": [],
    transports: ["runtime", "recovery.ts", "tokens.ts"],
    "local-errors.ts": [],
    "error.ts": ["recovery.ts", "local-errors.ts"],
    connection: ["runtime", "tokens.ts", "transports", "error.ts", "options.ts"],
    "proto.ts": ["transports"],
    "options.ts": ["runtime", "tokens.ts", "transports"],
    views: ["error.ts", "connection", "options.ts"],
    sending: ["runtime", "recovery.ts", "error.ts", "connection", "options.ts", "views"],
    "room.ts": ["connection", "views", "sending"],
    "on-demand.ts": ["options.ts", "views", "sending"],
    "session.ts": [
      "runtime",
      "recovery.ts",
      "transports",
      "error.ts",
      "connection",
      "options.ts",
      "views",
      "sending",
      "on-demand.ts",
      "room.ts",
    ],
    "join-room.ts": ["runtime", "transports", "options.ts", "room.ts", "session.ts"],
    "checked-room.ts": ["runtime", "error.ts", "views", "sending", "room.ts"],
    "schemas.ts": ["options.ts", "room.ts", "join-room.ts", "checked-room.ts"],
    "index.ts": [
      "runtime",
      "tokens.ts",
      "transports",
      "local-errors.ts",
      "error.ts",
      "connection",
      "options.ts",
      "views",
      "sending",
      "room.ts",
      "join-room.ts",
    ],
  },
};

/** The only files of other folders that some folders may import. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = { react: ["src/client/index.ts"] };

/** The entry points name the room's class, so that the platform finds it. */
const MAY_IMPORT_THE_CLASS = ["src/worker/index.ts", "src/worker/parlor.ts"];

/** Why `from` may not have this import, or undefined if it may. */
function objection(from: string, { specifier, typeOnly }: Import, sources: Sources): string | undefined {
  const layer = layerOf(from);
  const row = LAYERS[layer];
  if (row === undefined) return `${layer} is in no row of LAYERS`;
  if (specifier === undefined) return "may not import a computed path";

  if (!specifier.startsWith(".")) {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    return row.packages.includes(name) ? undefined : `${display(layer)} may not import the package ${name}`;
  }

  const to = posix.join(posix.dirname(from), specifier);
  if (!(to in sources)) return `imports ${to}, which does not exist in src/`;
  if (layerOf(to) === layer) return innerObjection(from, to);
  if (to === "src/room/room.ts" && MAY_IMPORT_THE_CLASS.includes(from)) return undefined;
  if (to === "src/room/api.ts" && row.folders.includes("room/api.ts")) {
    return typeOnly ? undefined : `${display(layer)} may import only types from room/api.ts`;
  }
  const isAllowed = row.folders.includes(layerOf(to)) || row.folders.includes(to.replace("src/", ""));
  if (!isAllowed) {
    if (!row.types?.includes(layerOf(to))) return `${display(layer)} may not import ${display(layerOf(to))}`;
    return typeOnly ? undefined : `${display(layer)} may import only types from ${display(layerOf(to))}`;
  }
  const entries = ENTRIES[layer] ?? [to];
  return entries.includes(to) ? undefined : `${display(layer)} may import only ${entries.join(" and ")}`;
}

/** Why one file of a folder may not import another one of the same folder, or undefined if it may. */
function innerObjection(from: string, to: string): string | undefined {
  const layer = layerOf(from);
  const inner = INNER_LAYERS[layer];
  const [own, other] = [innerLayerOf(from), innerLayerOf(to)];
  if (inner === undefined || own === other) return undefined;
  const row = inner[own];
  if (row === undefined) return `${layer}/${own} is in no row of INNER_LAYERS`;
  return row.includes(other)
    ? undefined
    : `${layer}/${display(own)} may not import ${layer}/${display(other)}`;
}

/** The sub-folder that a file lies in, or the file's name if it lies beside the sub-folders. */
function innerLayerOf(path: string): string {
  return path.split("/")[2] ?? path;
}

/** The arrows between the layers of a folder, as its files import. */
function innerGraph(
  folder: string,
  files: Readonly<Record<string, readonly string[]>>,
): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [from, imports] of Object.entries(files)) {
    if (layerOf(from) !== folder) continue;
    const own = innerLayerOf(from);
    const arrows = graph.get(own) ?? new Set();
    graph.set(own, arrows);
    for (const to of imports)
      if (layerOf(to) === folder && innerLayerOf(to) !== own) arrows.add(innerLayerOf(to));
  }
  return graph;
}

/** The folder of src/ that a file lies in, or the file's name if it lies in src/ itself. */
function layerOf(path: string): string {
  return path.split("/")[1] ?? path;
}

function display(layer: string): string {
  return layer.endsWith(".ts") ? layer : `${layer}/`;
}

/** Every objection to the imports of these files. */
function objections(sources: Sources): string[] {
  return Object.entries(sources)
    .filter(([path]) => path.endsWith(".ts"))
    .flatMap(([path, source]) =>
      importsIn(source).map((one) => [path, objection(path, one, sources)] as const),
    )
    .filter(([, reason]) => reason !== undefined)
    .map(([path, reason]) => `${path}: ${reason}`);
}

function contents(folder: string): Sources {
  return Object.fromEntries(filesIn(folder).map((path) => [path, read(path)]));
}

describe("layers", () => {
  it("no file of src/ imports what its layer may not", () => {
    const sources = contents("src/");

    expect(Object.keys(sources)).not.toEqual([]);
    expect(objections(sources)).toEqual([]);
  });

  it("no files of src/ import each other in a circle, types included", () => {
    expect(circlesIn(fileGraph(contents("src/")))).toEqual([]);
  });

  it.each(Object.entries(INNER_LAYERS))("the layers within %s/ form no circle", (_folder, inner) => {
    expect(circlesIn(inner)).toEqual([]);
  });

  it.each(Object.entries(INNER_LAYERS))(
    "each layer within %s/ imports what its row names",
    (folder, inner) => {
      const found = innerGraph(folder, fileGraph(contents("src/")));

      expect(
        Object.fromEntries([...found].map(([layer, arrows]) => [layer, [...arrows].toSorted()])),
      ).toEqual(
        Object.fromEntries(Object.entries(inner).map(([layer, arrows]) => [layer, arrows.toSorted()])),
      );
    },
  );
});

describe("the checker itself", () => {
  const others = {
    "src/room/api.ts": "",
    "src/room/room.ts": "",
    "src/protocol/frames.ts": "",
    "src/metrics/log.ts": "",
    "src/rooms.ts": "",
    "src/room/log/log.ts": "",
    "src/room/delivery/outbox.ts": "",
    "src/client/options.ts": "",
    "src/client/index.ts": "",
  };

  it.each([
    ["client/x.ts", 'import { Room } from "../room/room.ts";', "client/ may not import room/"],
    ["client/x.ts", 'import type { Room } from "../room/api.ts";', "client/ may not import room/"],
    ["client/x.ts", 'import "ws";', "client/ may not import the package ws"],
    ["protocol/x.ts", 'export * from "../metrics/log.ts";', "protocol/ may not import metrics/"],
    ["protocol/x.ts", 'export { log } from "../metrics/log.ts";', "protocol/ may not import metrics/"],
    ["limits/x.ts", "const log = await import(`../metrics/log.ts`);", "limits/ may not import metrics/"],
    ["limits/x.ts", 'type Log = typeof import("../metrics/log.ts");', "limits/ may not import metrics/"],
    ["limits/x.ts", "await import(name);", "may not import a computed path"],
    ["room/x.ts", 'import { kinds } from "../rooms.ts";', "room/ may not import rooms.ts"],
    ["rooms.ts", 'import { log } from "./metrics/log.ts";', "rooms.ts may not import metrics/"],
    ["transports/x.ts", 'import { Hono } from "hono/tiny";', "transports/ may not import the package hono"],
    [
      "transports/x.ts",
      'import { X } from "../room/api.ts";',
      "transports/ may import only types from room/api.ts",
    ],
    ["transports/x.ts", 'import type { X } from "../room/room.ts";', "transports/ may not import room/"],
    ["worker/x.ts", 'import { Room } from "../room/room.ts";', "worker/ may not import room/"],
    ["worker/x.ts", 'import v from "@scope/pack/part";', "worker/ may not import the package @scope/pack"],
    ["worker/x.ts", 'import "../../test/x.ts";', "imports test/x.ts, which does not exist in src/"],
    ["worker/x.ts", 'import "./gone.ts";', "imports src/worker/gone.ts, which does not exist in src/"],
    ["extra/x.ts", 'import "hono";', "extra is in no row of LAYERS"],
    [
      "room/log/x.ts",
      'import type { Outbox } from "../delivery/outbox.ts";',
      "room/log/ may not import room/delivery/",
    ],
    ["room/log/x.ts", 'import { Room } from "../room.ts";', "room/log/ may not import room/room.ts"],
    ["room/extra/x.ts", 'import "../log/log.ts";', "room/extra is in no row of INNER_LAYERS"],
    [
      "react/x.ts",
      'import type { X } from "../client/options.ts";',
      "react/ may import only src/client/index.ts",
    ],
    ["react/x.ts", 'import "../protocol/frames.ts";', "react/ may not import protocol/"],
    ["react/x.ts", 'import "react-dom";', "react/ may not import the package react-dom"],
    ["client/x.ts", 'import { useRef } from "react";', "client/ may not import the package react"],
    ["client/error.ts", 'import "./options.ts";', "client/error.ts may not import client/options.ts"],
    ["testing/x.ts", 'import "../client/options.ts";', "testing/ may import only types from client/"],
    ["testing/x.ts", 'import { Log } from "../room/log/log.ts";', "testing/ may not import room/"],
  ])("rejects src/%s: %s", (path, source, reason) => {
    expect(objections({ ...others, [`src/${path}`]: source })).toEqual([`src/${path}: ${reason}`]);
  });

  it.each([
    ["client/x.ts", 'import { decode } from "../protocol/frames.ts";'],
    ["transports/x.ts", 'import type { RoomApi } from "../room/api.ts";'],
    ["worker/index.ts", 'export { Room } from "../room/room.ts"; import { kinds } from "../rooms.ts";'],
    ["room/delivery/x.ts", 'import { Log } from "../log/log.ts"; import "./outbox.ts";'],
    ["testing/x.ts", 'import type { JoinOptions } from "../client/options.ts";'],
    ["worker/x.ts", 'import { cors } from "hono/cors"; import { env } from "cloudflare:workers";'],
    ["react/x.ts", 'import { joinRoom } from "../client/index.ts"; import { useRef } from "react";'],
    ["client/x.ts", '// import { Room } from "../room/room.ts"\nexport const text = `import "ws"`;'],
  ])("accepts src/%s: %s", (path, source) => {
    expect(objections({ ...others, [`src/${path}`]: source })).toEqual([]);
  });

  it("circles are found once each, and shared ends are none", () => {
    expect(circlesIn({ a: ["b", "c"], b: ["c"], c: [] })).toEqual([]);
    expect(circlesIn({ a: ["b"], b: ["c"], c: ["a"], d: ["a"] })).toEqual(["a -> b -> c -> a"]);
    expect(circlesIn({ a: ["a"] })).toEqual(["a -> a"]);
  });

  it("files that import each other are a circle, also by their types", () => {
    const sources = {
      "src/a.ts": 'import type { B } from "./b.ts";',
      "src/b.ts": 'export { A } from "./a.ts";',
    };

    expect(circlesIn(fileGraph(sources))).toEqual(["src/a.ts -> src/b.ts -> src/a.ts"]);
  });
});
