/** What the browser keeps: who it is, what it has not got across yet, and two choices. Works without storage too. */

const PREFIX = "zusage.";

/** @type {Map<string, string>} stands in where the browser forbids storage, for as long as the page lives */
const memory = new Map();

function read(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

function write(name, value) {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // Full or forbidden: the chat works on, it only forgets when the page goes.
  }
}

const PENDING = "pending.";

export const store = {
  /** @returns {string|null} the token by which the service knows this browser */
  get visitor() {
    return read("visitor");
  },
  set visitor(token) {
    write("visitor", token);
  },
  /** @returns {"de"|"en"|null} the language the customer chose */
  get language() {
    const value = read("language");
    return value === "de" || value === "en" ? value : null;
  },
  set language(value) {
    write("language", value);
  },
  get sound() {
    return read("sound") === "on";
  },
  set sound(on) {
    write("sound", on ? "on" : null);
  },
  /** @returns {string} conversation and number up to which everything was seen */
  get seen() {
    return read("seen") ?? "";
  },
  set seen(value) {
    write("seen", value);
  },

  /** One key per message: tabs never write over each other. */
  keep(message) {
    write(PENDING + message.id, JSON.stringify(message));
  },
  drop(id) {
    write(PENDING + id, null);
  },
  /** @returns {Array<any>} messages that were typed but not confirmed, the oldest first */
  pending() {
    const names = new Set(memory.keys());
    try {
      for (let i = 0; i < localStorage.length; i += 1) {
        const key = localStorage.key(i);
        if (key?.startsWith(PREFIX)) names.add(key.slice(PREFIX.length));
      }
    } catch {
      // see write()
    }
    const found = [];
    for (const name of names) {
      if (!name.startsWith(PENDING)) continue;
      try {
        const message = JSON.parse(read(name) ?? "");
        // After a day it would come out of the blue.
        if (Date.now() - message.at < 86_400_000) found.push(message);
        else write(name, null);
      } catch {
        write(name, null);
      }
    }
    return found.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  },

  /** @param {() => void} then called when another tab became a new visitor */
  onVisitorChanged(then) {
    addEventListener("storage", (event) => {
      if (event.key !== `${PREFIX}visitor`) return;
      const who = (token) => (token ?? "").split(".")[0];
      if (who(event.newValue) !== who(event.oldValue)) then();
    });
  },
};
