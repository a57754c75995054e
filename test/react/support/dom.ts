import { Window } from "happy-dom";

/**
 * A document for React DOM, which looks for it when it is loaded. Everything else, such as `fetch`, stays that of Node, so that
 * a test can use a real server.
 */
const window = new Window();
Object.assign(globalThis, { window, document: window.document });
