/** A phrase that readers stumbled over, and what to write instead. */
export interface Phrase {
  /** Matches the phrase in running text. A space also matches a line break. */
  readonly pattern: RegExp;
  readonly instead: string;
}

/**
 * The reviewed list. A pattern must match the phrase only where it is wrong: when it hits a correct sentence, narrow the
 * pattern. Names that the platform or the standard library defines are excluded in the pattern itself.
 */
export const PHRASES: readonly Phrase[] = [
  { pattern: /\b(?:comes?|came|coming) back\b/i, instead: "reconnects; rejoins" },
  { pattern: /\bstay(?:s|ing)? away\b/i, instead: "do not retry" },
  { pattern: /\b(?:who|those who|one who|one that) comes?\b/i, instead: "a joining client; new clients" },
  { pattern: /\bmay not come in\b/i, instead: "is not allowed to join" },
  { pattern: /\b(?:for|to|by|with) who\b/i, instead: "for a client that; for a member that" },
  { pattern: /\b(?:is|are|was|were|be|been|being) told\b/i, instead: "receives; is notified" },
  { pattern: /\btells\b/i, instead: "reports; announces; sends; returns" },
  {
    pattern: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b)/i,
    instead: 'is not: "is not valid JSON", "is not a member"',
  },
  { pattern: /\b(?:is|are|be|was|were) had\b/i, instead: "is available; is issued in exchange for" },
  { pattern: /\bcannot be told\b/i, instead: "is not known; is unavailable" },
  { pattern: /\bso (?:often|seldom)\b/i, instead: "this many times; this rarely" },
  { pattern: /\b(?:for|after) so (?:long|many|much)\b/i, instead: "for this long; after this many" },
  { pattern: /\b(?:says?|saying) of (?:it|one|him)self\b/i, instead: "its presence data" },
  { pattern: /\bwhat was missed\b/i, instead: "missed messages" },
  {
    pattern: /(?<!\.)\b(?:said|unsaid)\b(?!\??:)/i,
    instead: "published; sent; reported; messages (the attached key `said` may stay)",
  },
  { pattern: /\bheard\b(?!\()/i, instead: "received; seen; active" },
  { pattern: /\bwhere (?:it|one|he|she|they) (?:stood|stands?)\b/i, instead: "its position" },
  { pattern: /\b(?:falls?|fell|fallen) silent\b/i, instead: "stops sending (heartbeat timeout)" },
  { pattern: /\bknock(?:s|ed|ing)?\b/i, instead: "join request" },
  { pattern: /\bdoors?\b/i, instead: "join queue" },
  { pattern: /\bentrances?\b/i, instead: "join" },
  { pattern: /\bturned away\b/i, instead: "rejected recently" },
  {
    pattern: /(?<!\b(?:in|out)put )\bgates?\b/i,
    instead: "authentication; check (the platform's input and output gates may stay)",
  },
  { pattern: /\bpapers\b/i, instead: "credentials" },
  { pattern: /\bvisitors?\b/i, instead: "principal; client" },
  { pattern: /\bwarrants?\b/i, instead: "token checks" },
  {
    pattern: /(?<!\.)\blanes?\b(?!\??:)/i,
    instead: "send window (flow control; the attached key `lane` may stay)",
  },
  { pattern: /\bpulses?\b/i, instead: "flush schedule" },
  { pattern: /\bpaces?\b/i, instead: "throttle; rate" },
  {
    pattern: /(?<![.#`-]|\[")(?<!\b(?:TABLE|FROM|INTO|ON) )\bfloors?\b(?![(:])/i,
    instead: "minimum ref (names in code and the table `floor` may stay)",
  },
  { pattern: /`(?:Once|once)`/, instead: "deduplication" },
  { pattern: /\b(?:departures?|Departures)\b/, instead: "leave" },
  { pattern: /\b(?:depart(?!\()|departs|departed|departing)\b/i, instead: "leaves; its membership ends" },
  { pattern: /\bremovals?\b/i, instead: "revocation" },
  { pattern: /\b(?:room's expiry|expiry of (?:a|the) room)\b/i, instead: "vacancy" },
  { pattern: /`(?:answers|reads|closing|parts)`/, instead: "replies, queries, close handshake, assembly" },
  { pattern: /\beyes\b/, instead: "viewer; view key" },
  { pattern: /\brests\b|\b(?:room|it|longer|shorter) rest\b/i, instead: "flush delay; waits; sleeps" },
  { pattern: /\b(?:is|are|be|was|were) good (?:for|in|until)\b/i, instead: "is valid for; is valid in" },
  {
    pattern: /\b(?:slow|lost|bad|drop (?:the|its)|behind the) lines?\b|\bthe reader's line\b/i,
    instead: "the connection",
  },
  { pattern: /\bbut for\b/i, instead: "except" },
  {
    pattern: /\bof (?:two|three|four) kinds\b|\bof the kind\b/i,
    instead: "two kinds; a `chat` room; has the kind",
  },
  { pattern: /\ba third of it\b|\bas far as (?:it|that) goes\b/i, instead: 'the figure; "within …"' },
  { pattern: /\bserved its time\b/i, instead: "rotated" },
  { pattern: /\b(?:by|for|of) one's own\b/i, instead: "your own" },
];
