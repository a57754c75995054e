import type { ReactElement, ReactNode } from "react";
import type { JoinOptions, Room } from "../../../src/client/index.ts";
import { RoomProvider } from "../../../src/react/index.ts";
import type { MemberEntry, WelcomeFrame } from "../../../src/protocol/frames.ts";
import type { FakeTransport } from "../../client/support/fake-transport.ts";
import { TestClient } from "../../client/support/test-client.ts";
import { uniqueRoom } from "../../support/rooms.ts";
import { change } from "./render.tsx";

/** Joins rooms with the real client, over connections that deliver only what the test delivers. */
export class Rooms {
  /** The address of a room that no other test uses. Pages share connections by address. */
  readonly url = `https://parlor.example/rooms/${uniqueRoom()}`;
  /** Every room that was joined, in order. */
  readonly joined: { readonly url: string; readonly options: JoinOptions; readonly client: TestClient }[] =
    [];

  readonly join = (url: string | URL, options: JoinOptions = {}): Room => {
    const client = new TestClient(options);
    this.joined.push({ url: String(url), options, client });
    return client.room;
  };

  /** The connection of the room that was joined last. */
  get transport(): FakeTransport {
    return this.client.transport;
  }

  /** The room that was joined last. */
  get client(): TestClient {
    const last = this.joined.at(-1);
    if (last === undefined) throw new Error("no room was joined");
    return last.client;
  }

  /** A provider of this room. */
  readonly Provider = ({
    children,
    url = this.url,
    options,
  }: {
    readonly children?: ReactNode;
    readonly url?: string;
    readonly options?: JoinOptions;
  }): ReactElement => (
    <RoomProvider url={url} options={options} join={this.join}>
      {children}
    </RoomProvider>
  );

  /** The room welcomes this client. */
  async welcome(fields: Partial<WelcomeFrame> = {}): Promise<void> {
    await change(() => this.transport.welcome(fields));
  }

  /** The data of members changes. */
  async update(...updated: MemberEntry[]): Promise<void> {
    const count = this.client.room.count;
    await change(() => this.transport.deliver({ type: "presence", roster: "r1", updated, count }));
  }
}

/** Members with numbers as their data. */
export function crowd(size: number): MemberEntry[] {
  return Array.from({ length: size }, (_, index) => ({ id: `m${index}`, data: 0 }));
}
