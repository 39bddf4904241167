/** Puts the chat together: the line to the service, the conversation, what is seen of it, the shop's page around it. */

import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Host } from "./host.js";
import { store } from "./store.js";
import { comeBack } from "./telegram.js";
import { language, speak, t } from "./texts.js";
import { paint } from "./theme.js";
import { View } from "./view.js";

const config = JSON.parse(document.body.dataset.config);
const options = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const url = new URL("/chat", location.href).href;

let page = null;
let identity = options.identity ?? null;

const wanted = store.language ?? options.language;
await speak(wanted === "en" || wanted === "de" ? wanted : document.documentElement.lang);
paint(options.color ?? null, options.theme ?? "auto");

const host = new Host(config.embed, {
  open: () => view.opened(),
  closed: () => view.closed(),
  language: (value) => view.switchTo(value),
  page: (value) => {
    page = value;
    connection.send({ type: "page", page });
  },
  identify: (token) => {
    if (token === identity) return;
    identity = token;
    connection.send({ type: "identify", token });
  },
});

const connection = new Connection({
  url,
  hello: () => ({ type: "hello", protocol: 1, ...conversation.position, language: language(), identity, page }),
  onFrame: (frame) => conversation.take(frame),
  onStatus: (online) => conversation.setOnline(online),
});

const conversation = new Conversation(
  (frame) => connection.send(frame),
  (what, detail) => {
    if (what === "unanswered") connection.restart();
    else view.on(what, detail);
    host.event(what, detail);
  },
);

const view = new View({ conversation, connection, config, options, host, url });

store.onVisitorChanged(() => {
  conversation.clear();
  view.render();
  connection.restart();
});

view.render();
if (options.resume) {
  // The code counts once; left in the address, a reload would only find it spent.
  history.replaceState(null, "", location.pathname + location.search);
  if (!(await comeBack(url, options.resume))) view.note(t("resumeFailed"), true, true);
}
connection.start();
host.ready();
