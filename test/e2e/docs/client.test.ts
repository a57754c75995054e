import { describe, expect } from "vitest";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { at } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { programsIn, samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [install, ...samples] = samplesOf("docs/client.md", "sh", ...Array<string>(14).fill("ts"));
const [client = "", binary = "", ...others] = programsIn(samples);

const it = itWithServer(() => startBareRuntime());

describe("docs/client.md", () => {
  it("docs/client.md installs the package", () => {
    expect(install).toBe("npm install parlor\n");
  });

  it("[G2 G4 T2 A7] the samples of docs/client.md are one program, which exits by itself", async ({
    project,
    server,
  }) => {
    expect(others).toEqual([]);
    const guest = await joinWebSocket(server, "team");
    await guest.welcome();

    const program = project.startProgram(at(server, client));
    const { code } = await program.exited;

    const lines = program.output().split("\n");
    expect(lines).toContain("stored as 1");
    expect(lines).toContain("pending 0");
    expect(lines).toContain("votes 1");
    expect(lines).toContain("stored 1 { text: 'hello' }");
    expect(lines).toContain("rejected frame_too_large maxFrameBytes undefined");
    expect(lines).toContain("recovered true undefined");
    expect(code).toBe(0);
    expect(await guest.inbox.take("message", ({ event }) => event === "whisper")).toMatchObject({
      data: "only for you",
      to: [guest.member],
    });
    expect(await guest.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ reason: "left" }],
    });
    guest.vanish();
  });

  it("[B6] the Protobuf sample of docs/client.md sends bytes, which a JSON member receives as base64", async ({
    project,
    server,
  }) => {
    const guest = await joinWebSocket(server, "game:1");
    await guest.welcome();

    const program = project.startProgram(at(server, binary));

    expect(await guest.inbox.take("message")).toMatchObject({ event: "move", bytes: "AQID" });
    await program.kill();
    guest.vanish();
  });
});
