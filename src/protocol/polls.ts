/** The maximum seconds that a poll waits, and the default. Proxies often end a request without a response after 30 seconds. */
export const MAX_POLL_WAIT_S = 25;
