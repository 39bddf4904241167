/** The customer's side of a conversation: what was said, what is on its way, each once and in order. */

import { store } from "./store.js";

const ACK_WITHIN_MS = 10_000;
const RESENDS = 2;
const TYPING_MS = 8_000;

/**
 * @typedef {object} Outgoing a message on its way
 * @property {string} id
 * @property {string} [text]
 * @property {string} [button]
 * @property {boolean} [person]
 * @property {Array<{id: string, name: string}>} [attachments]
 * @property {number} at milliseconds
 * @property {"waiting"|"sending"|"sent"|"failed"} state
 * @property {string} [error]
 */

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Conversation {
  /**
   * @param {(frame: object) => void} send
   * @param {(what: string, detail?: any) => void} tell called when something is to be shown
   */
  constructor(send, tell) {
    this.send = send;
    this.tell = tell;
    this.online = false;
    this.sawWelcome = false;
    this.clear();
    /** @type {Outgoing[]} */
    this.queue = store.pending().map((message) => ({ ...message, state: "waiting" }));
  }

  clear() {
    /** @type {string|null} */
    this.id = null;
    this.last = 0;
    this.past = new Set();
    /** @type {any[]} */
    this.items = [];
    this.more = false;
    this.state = "bot";
    this.agent = null;
    this.service = null;
    this.typing = null;
  }

  /** What the service must know to send what is missing. */
  get position() {
    return { visitor: store.visitor, conversation: this.id, after: this.last };
  }

  // -- sending

  /** @param {Partial<Outgoing>} message */
  say(message) {
    /** @type {Outgoing} */
    const outgoing = { id: newId(), ...message, at: Date.now(), state: "waiting" };
    this.queue.push(outgoing);
    store.keep(outgoing);
    this.tell("queued", outgoing);
    this.pump();
  }

  /** @param {string} id */
  retry(id) {
    const message = this.queue.find((one) => one.id === id);
    if (!message || message.state !== "failed") return;
    message.state = "waiting";
    store.keep(message);
    this.tell("progress", message);
    this.pump();
  }

  /** @param {string} id */
  discard(id) {
    this.queue = this.queue.filter((one) => one.id !== id);
    store.drop(id);
    this.tell("discarded", id);
  }

  /** One at a time: the next goes out when this one is stored, so no proxy can change their order. */
  pump() {
    if (!this.online || this.flying || this.held) return;
    const next = this.queue.find((one) => one.state === "waiting");
    if (!next) return;
    this.flying = next;
    this.resends = 0;
    this.#progress(next, "sending");
    this.#launch();
  }

  #launch() {
    const { id, text, button, person, attachments } = this.flying;
    this.send({ type: "message", id, text, button, person, attachments: attachments?.map((one) => one.id) });
    clearTimeout(this.ackTimer);
    this.ackTimer = setTimeout(() => {
      // The same id again: the service knows it if it arrived.
      if (this.resends++ < RESENDS) this.#launch();
      else this.tell("unanswered");
    }, ACK_WITHIN_MS);
  }

  #landed() {
    clearTimeout(this.ackTimer);
    this.flying = null;
  }

  #progress(message, state, error) {
    message.state = state;
    message.error = error;
    this.tell("progress", message);
  }

  // -- the line

  /** @param {boolean} online */
  setOnline(online) {
    this.online = online;
    if (!online) {
      if (this.flying) this.#progress(this.flying, "waiting");
      this.#landed();
      this.#setTyping(null);
    }
    this.tell("online");
    this.pump();
  }

  // -- what the service says

  /** @param {any} frame */
  take(frame) {
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "messages":
        return frame.earlier ? this.#earlier(frame) : this.#messages(frame);
      case "received":
        return this.#received(frame);
      case "refused":
        return this.#refused(frame);
      case "typing":
        return this.#typing(frame);
      case "state":
        return this.#adopt(frame.conversation) && this.#setState(frame);
      case "service":
        this.service = frame;
        return this.tell("service", frame);
      case "promises":
        return this.tell("promises", frame.promises);
      default:
        return undefined; // newer than this page
    }
  }

  #welcome(frame) {
    const first = !this.sawWelcome;
    this.sawWelcome = true;
    store.visitor = frame.visitor;
    if (!frame.known || (this.id && !frame.conversation)) {
      const had = this.items.length > 0;
      this.clear();
      if (had) this.tell("reset");
    }
    this.service = frame.service;
    if (frame.conversation) this.#adopt(frame.conversation);
    this.#setState(frame);
    if (first) this.tell("ready");
  }

  /** Take up a conversation. Returns false for one that was left behind: its frames come too late. */
  #adopt(id) {
    if (id === this.id) return true;
    if (this.past.has(id)) return false;
    if (this.id) this.past.add(this.id);
    this.id = id;
    this.last = 0;
    return true;
  }

  #messages(frame) {
    if (!this.#adopt(frame.conversation)) return;
    if (frame.start && this.last === 0) {
      this.last = frame.after;
      this.more = frame.more ?? false;
      this.tell("more");
    }
    if (frame.upto <= this.last) return;
    if (frame.after > this.last) {
      this.send({ type: "sync", conversation: this.id, after: this.last });
      return;
    }
    for (const message of frame.messages) {
      if (message.number <= this.last) continue;
      const item = { ...message, conversation: this.id };
      const own = message.id ? this.queue.find((one) => one.id === message.id) : undefined;
      if (own) {
        this.queue = this.queue.filter((one) => one !== own);
        store.drop(own.id);
        if (this.flying === own) this.#landed();
      }
      this.items.push(item);
      this.tell("message", item);
      if (item.author !== "customer" && this.typing && item.number > this.typing.number) this.#setTyping(null);
    }
    this.last = frame.upto;
    this.tell("caughtUp");
    this.pump();
  }

  #earlier(frame) {
    const known = new Set(this.items.map((item) => `${item.conversation}/${item.number}`));
    const items = frame.messages
      .map((message) => ({ ...message, conversation: frame.conversation }))
      .filter((item) => !known.has(`${item.conversation}/${item.number}`));
    this.items.unshift(...items);
    this.more = frame.more ?? false;
    this.tell("earlier", items);
    this.tell("more");
  }

  /** Ask for what was before the oldest message on the page. */
  askEarlier() {
    const oldest = this.items[0];
    const conversation = oldest?.conversation ?? this.id;
    if (conversation) this.send({ type: "earlier", conversation, before: oldest?.number ?? this.last + 1 });
  }

  #received(frame) {
    const message = this.queue.find((one) => one.id === frame.id);
    if (message) {
      this.#adopt(frame.conversation);
      this.#progress(message, "sent");
      store.drop(message.id);
    }
    if (this.flying?.id === frame.id) this.#landed();
    this.pump();
  }

  #refused(frame) {
    const message = frame.id ? this.queue.find((one) => one.id === frame.id) : undefined;
    if (!message || message.state === "sent") return this.tell("refused", frame);
    if (this.flying === message) this.#landed();
    if (frame.retry) {
      this.#progress(message, "waiting");
      clearTimeout(this.held);
      this.held = setTimeout(() => {
        this.held = undefined;
        this.pump();
      }, (frame.retry_after_s ?? 2) * 1000);
      return undefined;
    }
    store.drop(message.id);
    this.#progress(message, "failed", frame.code);
    return this.pump();
  }

  #setState({ state, agent, language }) {
    this.state = state;
    this.agent = agent ?? null;
    this.tell("state", language);
  }

  #typing(frame) {
    if (frame.conversation !== this.id || frame.number < this.#lastAnswer()) return;
    this.#setTyping(frame.on ? frame : null);
  }

  #lastAnswer() {
    const answer = this.items.findLast((item) => item.conversation === this.id && item.author !== "customer");
    return answer?.number ?? 0;
  }

  #setTyping(typing) {
    clearTimeout(this.typingTimer);
    this.typing = typing;
    if (typing) this.typingTimer = setTimeout(() => this.#setTyping(null), TYPING_MS);
    this.tell("typing");
  }
}
