/** The errors that the client creates itself, with their meaning for the documentation. Only its types are in the bundle. */
export const LOCAL_ERRORS = {
  outbox_full:
    '`maxPendingActs` acts were waiting. The act was rejected, or with `overflow: "drop-oldest"` dropped for a newer one. It was never sent',
  closed: "You closed or left the room before the outcome was known",
  aborted: "Your `signal` was aborted before the act was sent. The act has no effect",
  timeout:
    "`timeoutMs` passed before the act was sent. The act has no effect. Or the member did not reply to a request in time, and may have handled it",
  outcome_unknown:
    "The act was sent, but no reply arrived before you stopped waiting, or while the room remembered the act. It may have taken effect. The client does not send it again",
  buffer_full: "A loop over `room.messages()` was more than 1,000 messages behind, and missed the next ones",
  no_handler: "The member has no handler for this request",
  request_failed: "The member's handler failed",
} as const;

/** The permanent name of an error that the client creates itself. */
export type LocalErrorCode = keyof typeof LOCAL_ERRORS;
