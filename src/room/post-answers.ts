import type { WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import type { Answers } from "./acts.ts";
import type { ActOutcome } from "./api.ts";

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
