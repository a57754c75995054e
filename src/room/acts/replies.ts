import type { Counters } from "../../metrics/counters.ts";
import type { Labels } from "../../metrics/log-events.ts";
import { errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { AnswerFrame, HistoryFrame } from "../../protocol/frames.ts";
import type { Replies } from "./acts.ts";
import type { ActOutcome } from "../api.ts";
import { encodeHistory } from "../log/history-pages.ts";
import type { Reply, Outbox } from "../delivery/outbox.ts";
import type { Session } from "../connections/sessions.ts";

/** Sends replies over a connection. They follow the frames that the same flush sends to everyone. */
export function repliesOver(session: Session, outbox: Outbox, counters: Counters): Replies {
  const reply: Reply = (frame) => {
    // An ack without a ref has nothing to acknowledge.
    if (frame.type === "ack" && frame.ref === undefined && frame.expiresInMs === undefined) return;
    if (frame.type === "error") counters.count("refused", labelsOf(frame));
    outbox.replies.add(session, frame);
  };
  return { item: () => reply, whole: (error) => reply(errorFrame(error)) };
}

/** Collects the replies to a POST, which are sent only in its response. */
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
