import { expect, it } from "vitest";
import { WebSocket as WsWebSocket } from "ws";
import { joinRoom, ParlorError, type WebSocketConstructor } from "../../src/client/index.ts";
import { settle } from "../../src/client/options.ts";
import { roomAddress } from "../../src/client/transports/address.ts";

it.each([
  ["https://parlor.example/rooms/lobby", "https://parlor.example/rooms/lobby"],
  ["wss://parlor.example/rooms/lobby", "https://parlor.example/rooms/lobby"],
  ["ws://localhost:8787/rooms/lobby/", "http://localhost:8787/rooms/lobby"],
  ["http://parlor.example/below/rooms/a%3Ab?v=1#x", "http://parlor.example/below/rooms/a%3Ab?v=1"],
])("[N1 J1] %s is accepted as a room's address", (url, address) => {
  expect(roomAddress(url)).toBe(address);
});

it.each([
  ["an address of another scheme", "ftp://parlor.example/rooms/lobby", {}],
  ["text that is not an address", "lobby", {}],
  ["a key of another form", "https://parlor.example/rooms/lobby", { key: "short" }],
  ["no transports", "https://parlor.example/rooms/lobby", { transports: [] }],
])("[J3] joinRoom throws a TypeError for %s", (_what, url, options) => {
  expect(() => joinRoom(url, options)).toThrow(TypeError);
});

it.each(["lobby", "/rooms/lobby", "localhost:8787/rooms/lobby", ""])(
  "[N1] outside of a page, the error for the address '%s' contains it and says what an address is",
  (url) => {
    expect(() => joinRoom(url)).toThrow(`url "${url}" must be the http(s) or ws(s) address of a room`);
  },
);

it("[J7] joinRoom throws for presence data that JSON cannot represent", () => {
  expect(() => joinRoom("https://parlor.example/rooms/lobby", { presence: 1n })).toThrow(ParlorError);
});

it("[J7] an option that is undefined has its default", () => {
  const settings = settle({
    key: undefined,
    mode: undefined,
    maxPendingActs: undefined,
    transports: undefined,
  });

  expect(settings).toMatchObject({
    mode: "list",
    maxPendingActs: 1_000,
    transports: ["websocket", "sse", "long-poll"],
  });
  expect(settings.key).toMatch(/^[A-Za-z0-9_-]{22}$/);
});

it("[G5] joinRoom uses the platform's WebSocket and fetch, or those in the options", () => {
  const other: WebSocketConstructor = WsWebSocket;
  const fetch_: typeof fetch = () => Promise.reject(new Error("unused"));

  expect(settle({}).WebSocket).toBe(globalThis.WebSocket);
  expect(settle({ WebSocket: other, fetch: fetch_ })).toMatchObject({ WebSocket: other, fetch: fetch_ });
});
