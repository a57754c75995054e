import { readAddress, shareLink, writeAddress } from "./address.ts";
import { showConnection } from "./connection-pill.ts";
import { Conversation } from "./conversation.ts";
import { wireDock } from "./dock.ts";
import { byId, say } from "./dom.ts";
import { showFloor } from "./floor.ts";
import { claimIdentity, saveProfile, type Profile } from "./identity.ts";
import { drawColour, drawRoomName } from "./names.ts";
import { showPresence } from "./presence.ts";
import { wireProfileForm } from "./profile-form.ts";
import { wireShareDialog } from "./share-dialog.ts";
import { SharedArea } from "./shared-area.ts";
import { Store } from "./store.ts";
import { Tally } from "./tally.ts";
import { wireTheme } from "./theme.ts";
import type { View } from "./view.ts";
import { Visit } from "./visit.ts";
import { backWords } from "./words.ts";

const { room, transport: choice } = readAddress();
document.title = `${room} · Parlor`;
say(byId("room-name", HTMLElement), room);
byId("room-name", HTMLElement).title = room; // the full name, because the heading cuts a long one
wireTheme();

const { key, profile, isDrawn } = await claimIdentity();
const store = new Store<View>({
  room,
  profile,
  choice,
  line: { phase: "joining" },
  transport: undefined,
  rttMs: undefined,
  self: undefined,
  people: [],
  count: 0,
  isCrowd: false,
  hadCompany: false,
  hasPast: false,
  history: undefined,
  position: undefined,
  recovered: 0,
  isOnline: navigator.onLine,
});

const visit = new Visit(store, key, {
  onJoined(welcome) {
    conversation.begin(welcome);
    if (isDrawn) standOut();
  },
  onMessage(message) {
    if (message.offset !== undefined) conversation.hear({ ...message, offset: message.offset });
    else if (message.event === "typing") conversation.hearTyping(message.from);
    else area.hear(message);
  },
  onShared: (change) => tally.hear(change),
  onWelcome: () => tally.update(),
  onBack(line) {
    conversation.note(backWords(line));
  },
});
const conversation = new Conversation(store, visit);
const area = new SharedArea(store, visit);
const tally = new Tally(visit);

showPresence(store);
showConnection(store);
wireProfileForm(store, change);
wireDock(store, {
  choose(transport) {
    visit.choose(transport);
    writeAddress({ room, transport });
  },
  drop: () => visit.drop(),
});
wireShareDialog(room);
showFloor(store, {
  retry: () => visit.rejoin(),
  newRoom: () => location.assign(shareLink(drawRoomName())),
  nextTryAt: () => visit.nextTryAt,
});

for (const type of ["online", "offline"]) {
  addEventListener(type, () => store.set({ isOnline: navigator.onLine }));
}
// Over SSE the room notices late that a page has closed, so the page leaves.
addEventListener("pagehide", () => visit.leave());
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) visit.rejoin();
});

/** Draws another colour if another member has this one and the user has not chosen it. */
function standOut(): void {
  const taken = store.state.people.filter(({ isSelf }) => !isSelf).map(({ colour }) => colour);
  if (taken.includes(profile.colour)) change({ ...profile, colour: drawColour(taken) });
}

function change(changed: Profile): void {
  saveProfile(changed);
  visit.setProfile(changed);
}
