import { readAddress, shareLink, writeAddress } from "./address.ts";
import { showConnection } from "./connection-pill.ts";
import { Conversation } from "./conversation.ts";
import { wireDock } from "./dock.ts";
import { byId, setText } from "./dom.ts";
import { showNotices } from "./notices.ts";
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
import { reconnectedText } from "./words.ts";

const { room, transport: choice } = readAddress();
document.title = `${room} · Parlor`;
setText(byId("room-name", HTMLElement), room);
byId("room-name", HTMLElement).title = room; // the full name, because the heading cuts a long one
wireTheme();

const { key, profile, isDrawn } = await claimIdentity();
const store = new Store<View>({
  room,
  profile,
  choice,
  connection: { phase: "joining" },
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
    if (message.offset !== undefined) conversation.receive({ ...message, offset: message.offset });
    else if (message.event === "typing") conversation.receiveTyping(message.from);
    else area.receive(message);
  },
  onShared: (change) => tally.receive(change),
  onWelcome() {
    // A server on this machine can be reached while the browser reports no network.
    store.set({ isOnline: true });
    tally.update();
  },
  onReconnected(connection) {
    conversation.note(reconnectedText(connection));
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
showNotices(store, {
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
