import { describe, expect } from "vitest";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { at } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [app] = samplesOf("docs/react-native.md", "js");

/** Removes what React Native does not have, and gives URL the limits of React Native's. The package ws needs none of it. */
const LACKS = `
import { WebSocket } from "ws";
globalThis.WebSocket = WebSocket;
delete Response.prototype.body; // The first use loads it, which needs what is removed below.
for (const name of ["EventTarget", "Event", "EventSource", "TextEncoder", "TextDecoder", "crypto", "document", "location"]) {
  delete globalThis[name];
}
AbortSignal.any = AbortSignal.timeout = undefined;
globalThis.URL = class {
  constructor(text) {
    this.href = text + "/";
  }
};
`;

/** The packages of the sample, as far as it uses them. They print when they are stopped. */
const PACKAGES = {
  "@react-native-community/netinfo": `export default {
    addEventListener(listener) {
      listener({ isConnected: true });
      return () => console.log("network stopped");
    },
  };`,
  "expo-crypto": `import { webcrypto } from "node:crypto";
    export const getRandomValues = (bytes) => webcrypto.getRandomValues(bytes);`,
  "react-native": `export const AppState = {
    addEventListener(type, listener) {
      globalThis.activate = () => listener("active");
      return { remove: () => console.log("app state stopped") };
    },
  };`,
};

/** Uses the room of the sample. */
const PROGRAM = `import "./lacks.js";
const { room } = await import("./app.js");
console.log("stored as", (await room.publish("chat", "from a phone")).offset);
activate();
console.log("key", /^[\\w-]{22}$/.test(room.key));
await room.leave();
`;

const it = itWithServer(() => startBareRuntime());

describe("docs/react-native.md", () => {
  it("[G5] the sample of docs/react-native.md joins and publishes without what React Native lacks, and stops its listeners", async ({
    project,
    server,
  }) => {
    const guest = await joinWebSocket(server, "team");
    await guest.welcome();
    for (const [name, code] of Object.entries(PACKAGES)) {
      project.write(`native/node_modules/${name}/index.js`, code);
      project.write(`native/node_modules/${name}/package.json`, '{"type":"module","main":"index.js"}');
    }
    project.write("native/package.json", '{"type":"module"}');
    project.write("native/lacks.js", LACKS);
    project.write("native/app.js", at(server, app));

    const program = project.start([process.execPath, project.write("native/program.js", PROGRAM)]);
    const { code } = await program.exited;

    expect(program.output().trim().split("\n")).toEqual([
      "open websocket",
      "stored as 1",
      "key true",
      "network stopped",
      "app state stopped",
      "closed undefined",
    ]);
    expect(code).toBe(0);
    expect(await guest.inbox.take("message")).toMatchObject({ event: "chat", data: "from a phone" });
    guest.vanish();
  });
});
