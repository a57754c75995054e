import type { ServerFrame } from "../../../src/protocol/frames.ts";

/** What a member learns from frames, in the words of table.ts; each thing once, in the order of the words. */
export function observationsIn(frames: readonly ServerFrame[]): string[] {
  return [...new Set(frames.flatMap(observationsOf))].toSorted();
}

function observationsOf(frame: ServerFrame): string[] {
  switch (frame.type) {
    case "welcome":
      return [
        "a welcome",
        `mode ${frame.mode}`,
        ...(frame.members === undefined ? [] : ["the list of members"]),
        ...(frame.state === undefined && frame.stateOffset === undefined ? [] : ["the state"]),
        ...(frame.recovered === true ? ["recovered"] : []),
        ...(frame.recovered === false ? [`not recovered: ${String(frame.reason)}`] : []),
      ];
    case "message":
      return [
        `a ${frame.offset === undefined ? "volatile " : ""}message${frame.to === undefined ? "" : " to some"}`,
      ];
    case "state":
      return ["a change of the state"];
    case "presence":
      return [
        ...(frame.joined === undefined ? [] : ["who joined"]),
        ...(frame.updated === undefined ? [] : ["who changed"]),
        ...(frame.left === undefined ? [] : ["who left"]),
        ...(frame.mode === undefined
          ? []
          : [frame.mode === "count" ? "how many are here" : "the list again"]),
        ...("members" in frame ? ["the list of members"] : []),
      ];
    case "position":
      return [`position: ${frame.reason}`];
    case "ack":
    case "error":
    case "history":
    case "expiring":
    case "close":
    case "pong":
      return [frame.type];
    default:
      return frame satisfies never;
  }
}
