/** Addresses that lead nowhere, whatever else runs on the machine meanwhile. */

/** No system gives it to anybody by chance, as it may with a port that a test has just let go. `fetch` asks nobody there. */
export const closedPort = 1;

/** Refuses every connection. */
export const closedUrl = `http://127.0.0.1:${String(closedPort)}`;

/** Has no address: no label of a name may be so long, so that no name server is asked, which may take its time. */
export const namelessUrl = `http://${'a'.repeat(64)}.invalid`;
