import { describe, expect, it } from "vitest";
import { messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined, reconnect, type TestClient } from "../support/test-client.ts";

/** Loops over the messages of a room in the background. */
function looping(client: TestClient, signal?: AbortSignal): { offsets: unknown[]; done: Promise<unknown> } {
  const offsets: unknown[] = [];
  const loop = async (): Promise<void> => {
    for await (const { offset } of client.room.messages({ signal })) offsets.push(offset);
  };
  return {
    offsets,
    done: loop().then(
      () => "done",
      ({ code }: { code: unknown }) => code,
    ),
  };
}

describe("a loop over the messages", () => {
  it("[G1 G2] a loop receives every message from its start on, in order, through a reconnect, until the room closes", async () => {
    const client = await joined();
    client.transport.deliver(messageFrame(1));
    const { offsets, done } = looping(client);
    client.transport.deliver(messageFrame(2), messageFrame(3));
    await settled();
    client.transport.deliver(messageFrame(4));
    await reconnect(client, { position: "Zk3aB9:4" });
    client.transport.deliver(messageFrame(5));
    client.room.close();

    expect(await done).toBe("done");
    expect(offsets).toEqual([2, 3, 4, 5]);
    expect(await looping(client).done).toBe("done");
  });

  it("[G1] a loop over the messages that takes longer than the messages loses none of them", async () => {
    const client = await joined();
    const messages = client.room.messages();
    const first = messages.next();
    client.transport.deliver(messageFrame(1), messageFrame(2), messageFrame(3));

    expect((await first).value).toMatchObject({ offset: 1 });
    expect((await messages.next()).value).toMatchObject({ offset: 2 });
    expect((await messages.next()).value).toMatchObject({ offset: 3 });
  });

  it("[G1] a loop that is more than 1,000 messages behind receives those, and then fails with buffer_full", async () => {
    const client = await joined();
    const messages = client.room.messages();
    const first = messages.next();
    await settled();
    client.transport.deliver(messageFrame(1));
    await first;
    client.transport.deliver(...Array.from({ length: 1_200 }, (_, n) => messageFrame(n + 2)));
    const rest: unknown[] = [];
    const failed = (async () => {
      for await (const { offset } of messages) rest.push(offset);
    })();

    await expect(failed).rejects.toMatchObject({ code: "buffer_full" });
    expect(rest).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 2));
  });

  it("[G1] a loop over the messages ends when its signal is aborted", async () => {
    const client = await joined();
    const control = new AbortController();
    const { offsets, done } = looping(client, control.signal);
    await settled();
    client.transport.deliver(messageFrame(1));
    await settled();
    control.abort();

    expect(await done).toBe("done");
    client.transport.deliver(messageFrame(2));
    await settled();
    expect(offsets).toEqual([1]);
    expect(await looping(client, control.signal).done).toBe("done");
  });
});
