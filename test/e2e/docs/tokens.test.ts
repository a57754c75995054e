import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readClaims } from "../../../src/auth/claims.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { freePort } from "../../support/loopback-port.ts";
import { at, inBackground, SampleProject } from "../../support/sample-project.ts";
import { samplesOf } from "../../support/samples.ts";
import type { ServerProcess } from "../../support/server-process.ts";

const [rooms, makeToken, join, claims, backend, runBackend, client, tickets, makeKey, revoke, deployed] =
  samplesOf("docs/tokens.md", "ts", "sh", "sh", "json", "ts", "sh", "ts", "sh", "sh", "sh", "sh");

let project: SampleProject;
let server: ServerProcess;
/** The variables that the samples of the page have set in the reader's shell. */
const variables: Record<string, string> = {};

/** Runs a sample that sets a variable of the reader's shell. Restarts the server, so that it reads `.dev.vars`. */
async function setVariable(name: string, code: string): Promise<void> {
  const { stdout, stderr, status } = await project.shell(`${code}\nprintf %s "$${name}"`);
  expect({ stderr, status }).toMatchObject({ status: 0 });
  variables[name] = stdout;
  await server?.[Symbol.asyncDispose]();
  server = await project.startRooms(rooms, project.devVars());
}

beforeAll(async () => {
  project = await SampleProject.create();
  await setVariable("TOKEN", makeToken);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

describe("docs/tokens.md", () => {
  it("[D1 D2 D3] the token of docs/tokens.md joins a room that requires one", async () => {
    const { stdout } = await project.shell(
      `: > events
       ${inBackground(at(server, join), "curl", "events")}
       until grep welcome events; do sleep 0.05; done`,
      variables,
    );
    const without = await fetch(`${server.url}/rooms/team:red/events`);

    expect(stdout).toContain('"user":"ana"');
    expect(without.status).toBe(401);
    expect(await without.json()).toMatchObject({ code: "token_missing" });
  });

  it("[D6] the claims of docs/tokens.md are those of a token", () => {
    const read = readClaims(JSON.parse(claims) as Record<string, unknown>);

    expect(read).toMatchObject({ ok: true, value: { user: "ana", tokenId: "a-jti" } });
  });

  it("[D2] the client of docs/tokens.md joins with a token of the page's backend", async () => {
    const port = String(await freePort());
    project.write("backend.ts", backend.replace("3000", port));
    const signer = project.start(["bash", "-c", `exec ${runBackend}`]);
    const member = project.startProgram(at(server, client).replace("3000", port));

    await expect.poll(() => member.output(), { timeout: 20_000 }).toContain("welcome ana");
    await Promise.all([signer.kill(), member.kill()]);
  });

  it("[D10 D11] the ticket of docs/tokens.md joins, and the page's requests revoke its user", async () => {
    await setVariable("ADMIN_KEY", makeKey);
    const [askForTicket = "", readEvents = ""] = at(server, tickets).trim().split("\n");
    const { stdout, stderr, status } = await project.shell(
      `: > events
       TICKET=$(${askForTicket} | sed 's/.*"ticket":"\\([^"]*\\)".*/\\1/')
       ${inBackground(readEvents, "curl", "events")}
       until grep -q welcome events; do sleep 0.05; done
       ${at(server, revoke)}
       until grep -q '"code":4503' events; do sleep 0.05; done
       grep -o '"user":"ana"' events | head -n 1`,
      variables,
    );

    expect({ stderr, status }).toMatchObject({ status: 0 });
    const [user = "", token = "", all = "", told = ""] = stdout.trim().split("\n");
    expect(JSON.parse(user)).toMatchObject({ removed: { "team:red": 1 } });
    expect(JSON.parse(token)).toMatchObject({ revocation: { id: "a-jti" } });
    expect((JSON.parse(all) as { revocations: unknown[] }).revocations).toHaveLength(2);
    expect(told).toBe('"user":"ana"');
  });

  it("the secrets of docs/tokens.md are options", () => {
    const secrets = [...deployed.matchAll(/secret put (\w+)/g)].map(([, name]) => name);
    const options: readonly { readonly env: string; readonly secret?: true }[] = Object.values(OPTIONS);

    expect(secrets).toEqual(["TOKEN_SECRETS", "ADMIN_KEYS"]);
    expect(options.filter(({ secret }) => secret).map(({ env }) => env)).toEqual(
      expect.arrayContaining(secrets),
    );
  });
});
