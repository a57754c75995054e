import { build } from "esbuild";
import { describe, expect } from "vitest";
import { absolute } from "../../support/repository.ts";
import { at, type SampleProject } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import type { ServerProcess } from "../../support/server-process.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [types, client, rooms, components, schemas, checkedRooms, checkedClient] = samplesOf(
  "docs/types.md",
  ...(["ts", "ts", "ts", "tsx", "ts", "ts", "ts"] as const),
);

/** Starts a server with a sample that imports another one. */
function start(
  project: SampleProject,
  sample: string,
  name: string,
  imported: string,
): Promise<ServerProcess> {
  return project.startRooms(sample.replace(`"./${name}"`, `"${project.write(`worker/${name}`, imported)}"`));
}

const itWithTypes = itWithServer((project) => start(project, rooms, "app.ts", types));
const itWithSchemas = itWithServer((project) => start(project, checkedRooms, "schemas.ts", schemas));

describe("types", () => {
  const it = itWithTypes;

  it("[K1 G2 T2] the typed client of docs/types.md acts in a room with the typed hooks", async ({
    project,
    server,
  }) => {
    project.write("app.ts", types);

    const program = project.startProgram(at(server, client));
    const { code } = await program.exited;

    const lines = program.output().split("\n");
    expect(lines).toContain("chat hi");
    expect(lines).toContain("votes 2"); // one by the hook, one by the client
    expect(lines).toContain("member Ana");
    expect(code).toBe(0);
    const guest = await joinWebSocket(server, "team");
    await guest.welcome();
    expect(await guest.publish("chat", { text: "" })).toMatchObject({
      message: "a message must have a text",
    });
    guest.vanish();
  });

  it("the React components of docs/types.md render on a server", async ({ project }) => {
    const { outputFiles } = await build({
      stdin: {
        contents: `${components}
          import { renderToString } from "react-dom/server";
          console.log(renderToString(<Page />));`,
        resolveDir: absolute(""),
        loader: "tsx",
      },
      ...{ bundle: true, write: false, format: "esm", platform: "node", jsx: "automatic" },
      alias: { "parlor/react": absolute("src/react/index.ts") },
      external: ["react", "react-dom"],
    });

    const program = project.startProgram(outputFiles[0]?.text ?? "");
    await program.exited;

    expect(program.output()).toContain("0 votes</button>");
  });
});

describe("schemas", () => {
  const it = itWithSchemas;

  it("[K4] the client and the server of docs/types.md check data against the same schemas", async ({
    project,
    server,
  }) => {
    project.write("schemas.ts", schemas);
    const guest = await joinWebSocket(server, "team", { presence: { name: "Ben" } });
    await guest.welcome();
    expect(await guest.publish("chat", { text: 1 })).toMatchObject({
      code: "invalid_data",
      message: 'event "chat" does not match its schema: text: Invalid type: Expected string but received 1',
    });

    const program = project.startProgram(at(server, checkedClient));
    const { code } = await program.exited;

    const lines = program.output().split("\n");
    expect(lines).toContain("not sent invalid_data");
    expect(lines).toContain("chat hi");
    expect(code).toBe(0);
    expect(await guest.inbox.take("message")).toMatchObject({ event: "chat", data: { text: "hi" } });
    guest.vanish();
  });
});
