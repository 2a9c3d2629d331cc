// What all files share: one server, one browser.
import { openBrowser } from "./person.mjs";
import { Server } from "./server.mjs";

export const server = await Server.start();
await openBrowser();
