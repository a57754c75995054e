import type { ServerFrame } from "../../../src/protocol/frames.ts";

/** The observations that a member makes from frames, in the words of table.ts: sorted, each once. */
export function observationsIn(frames: readonly ServerFrame[]): string[] {
  return [...new Set(frames.flatMap(observationsOf))].toSorted();
}

function observationsOf(frame: ServerFrame): string[] {
  switch (frame.type) {
    case "welcome":
      return [
        "a welcome",
        `mode ${frame.mode}`,
        ...(frame.members === undefined ? [] : ["the member list"]),
        ...(frame.state === undefined && frame.stateOffset === undefined ? [] : ["the state"]),
        ...(frame.recovered === true ? ["recovered"] : []),
        ...(frame.recovered === false ? [`not recovered: ${String(frame.reason)}`] : []),
      ];
    case "message":
      return [
        `a ${frame.offset === undefined ? "volatile " : ""}message${frame.to === undefined ? "" : " to some members"}`,
      ];
    case "state":
      return ["a state change"];
    case "presence":
      return [
        ...(frame.joined === undefined ? [] : ["a join"]),
        ...(frame.updated === undefined ? [] : ["a presence change"]),
        ...(frame.left === undefined ? [] : ["a leave"]),
        ...(frame.mode === undefined
          ? []
          : [frame.mode === "count" ? "the member count" : "a new member list"]),
        ...("members" in frame ? ["the member list"] : []),
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
