/** The event names of requests between members and of their replies (rules R1, R2). */
export const REQUEST = "$request";
export const REPLY = "$reply";
