export { createFakeServer, type FakeServer, type FakeServerOptions } from "./fake-server.ts";
export type { FakeRoom, PublishOptions } from "./fake-room.ts";
export type { Failure } from "./failures.ts";
