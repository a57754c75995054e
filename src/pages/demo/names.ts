/** The colours that members may have. Each is a rule in styles/tokens.css, for light and for dark. */
export const COLOURS = ["violet", "blue", "teal", "green", "amber", "orange", "rose", "pink"] as const;

/** The name of a member's colour. */
export type Colour = (typeof COLOURS)[number];

/** Maximum length of a member's name, in UTF-16 units. */
export const MAX_NAME_CHARS = 24;

const MOODS = [
  "Amber",
  "Brisk",
  "Calm",
  "Clever",
  "Gentle",
  "Golden",
  "Keen",
  "Lucky",
  "Merry",
  "Mellow",
].concat(["Nimble", "Quiet", "Rosy", "Silver", "Sunny", "Swift", "Tidy", "Velvet", "Warm", "Witty"]);

const GUESTS = ["Badger", "Crane", "Dove", "Falcon", "Finch", "Fox", "Hare", "Heron", "Ibis", "Jay"].concat([
  "Lark",
  "Lynx",
  "Marten",
  "Mole",
  "Otter",
  "Owl",
  "Robin",
  "Stoat",
  "Swan",
  "Wren",
]);

const FURNITURE = [
  "armchair",
  "bookcase",
  "candle",
  "clock",
  "cushion",
  "fern",
  "fireplace",
  "kettle",
].concat(["lamp", "lantern", "mantel", "mirror", "piano", "sofa", "teapot", "window"]);

/** Draws a name for a member that has not chosen one. */
export function drawGuestName(): string {
  return `${pick(MOODS)} ${pick(GUESTS)}`;
}

/** Draws a colour that is not in `taken`, if there is one. */
export function drawColour(taken: readonly Colour[] = []): Colour {
  const free = COLOURS.filter((colour) => !taken.includes(colour));
  return pick(free.length > 0 ? free : COLOURS);
}

/** Draws a name for a room that is easy to pronounce and probably not in use. */
export function drawRoomName(): string {
  return `${pick(MOODS).toLowerCase()}-${pick(FURNITURE)}-${10 + below(90)}`;
}

/** The colour of a member without one in its presence data. It is always the same for the same member. */
export function colourOf(member: string): Colour {
  let sum = 0;
  for (const char of member) sum = (sum * 31 + char.charCodeAt(0)) % 9973;
  return COLOURS[sum % COLOURS.length] ?? COLOURS[0];
}

/** Up to two letters that stand for a name. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const lettered = words.length > 1 ? [words[0], words.at(-1)] : words;
  return lettered
    .map((word = "") => firstLetter(word))
    .join("")
    .toUpperCase();
}

/** The first letter as a person sees it, which can be several UTF-16 units. */
function firstLetter(word: string): string {
  for (const { segment } of LETTERS.segment(word)) return segment;
  return "";
}

const LETTERS = new Intl.Segmenter();

function pick<Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item {
  const item = items[below(items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

function below(bound: number): number {
  return Math.floor(Math.random() * bound);
}
