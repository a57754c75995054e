import { errorFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import type { Answers } from "./acts.ts";
import type { ActOutcome } from "./api.ts";
import type { Outbox } from "./outbox.ts";
import type { Session } from "./sessions.ts";

/** The answers to what came over a connection: they follow what its flush has for all. */
export function answersOver(session: Session, outbox: Outbox): Answers {
  return {
    // Without a ref there is nothing an ack could name.
    item: () => (frame) => {
      if (frame.type !== "ack" || frame.ref !== undefined || frame.expiresInMs !== undefined)
        outbox.reply(session, frame);
    },
    whole: (error) => outbox.reply(session, errorFrame(error)),
  };
}

/** Gathers the answers to a POST, which travel in its own answer and nowhere else. */
export function collectAnswers(): { readonly answers: Answers; outcome(): ActOutcome } {
  const results: AnswerFrame[] = [];
  let refused: WireError | null = null;
  return {
    answers: {
      item: (index) => (frame) => {
        results[index] = frame;
      },
      whole: (error) => {
        refused = error;
      },
    },
    outcome: () => ({ refused, results }),
  };
}
