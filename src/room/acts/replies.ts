import type { Counters, Labels } from "../../metrics/counters.ts";
import { errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { AnswerFrame, HistoryFrame } from "../../protocol/frames.ts";
import type { Replies } from "./acts.ts";
import type { ActOutcome } from "../api.ts";
import { encodeHistory } from "../log/history-pages.ts";
import type { Reply, Outbox } from "../delivery/outbox.ts";
import type { Session } from "../connections/sessions.ts";

/** The answers to what came over a connection: they follow what its flush has for all. */
export function repliesOver(session: Session, outbox: Outbox, counters: Counters): Replies {
  const reply: Reply = (frame) => {
    // Without a ref there is nothing an ack could name.
    if (frame.type === "ack" && frame.ref === undefined && frame.expiresInMs === undefined) return;
    if (frame.type === "error") counters.count("refused", labelsOf(frame));
    outbox.replies.add(session, frame);
  };
  return { item: () => reply, whole: (error) => reply(errorFrame(error)) };
}

/** Gathers the answers to a POST, which travel in its own answer and nowhere else. */
export function collectReplies(counters: Counters): { readonly replies: Replies; outcome(): ActOutcome } {
  const results: AnswerFrame[] = [];
  let refused: WireError | null = null;
  return {
    replies: {
      item: (index) => (frame) => {
        if (frame.type === "error") counters.count("refused", labelsOf(frame));
        results[index] =
          frame.type === "history" ? (JSON.parse(encodeHistory(frame)) as HistoryFrame) : frame;
      },
      whole: (error) => {
        counters.count("refused", labelsOf(error));
        refused = error;
      },
    },
    outcome: () => ({ refused, results }),
  };
}

function labelsOf({ code, limit }: Pick<WireError, "code" | "limit">): Labels<"refused"> {
  return { code, limit };
}
