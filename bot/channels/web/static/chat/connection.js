/** The line to the service: a WebSocket, or requests where none gets through. Comes back by itself. */

import { store } from "./store.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const SILENCE_MS = 25_000;
const PONG_WITHIN_MS = 8_000;
const WELCOME_WITHIN_MS = 10_000;
const POLL_S = 20;
/** Closed for sending too much: coming straight back would only be closed again. */
const FLOOD = 4429;

export class Connection {
  /**
   * @param {object} parts
   * @param {string} parts.url address of `/chat`
   * @param {() => object} parts.hello makes the first frame
   * @param {(frame: any) => void} parts.onFrame
   * @param {(online: boolean) => void} parts.onStatus
   */
  constructor({ url, hello, onFrame, onStatus }) {
    this.url = url;
    this.hello = hello;
    this.onFrame = onFrame;
    this.onStatus = onStatus;
    this.online = false;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.posting = false;
    this.tries = 0;
    this.neverOpened = 0;
    this.stopped = true;
    this.generation = 0;
    addEventListener("online", () => this.now());
    addEventListener("offline", () => this.#lost(this.generation));
    document.addEventListener("visibilitychange", () => {
      // A phone that slept may hold a socket that is long dead.
      if (document.visibilityState === "visible") this.online ? this.#ping() : this.now();
    });
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.#connect();
  }

  /** Begin anew, as somebody else or because nothing came back. */
  restart() {
    this.#end();
    this.tries = 0;
    this.#connect();
  }

  /** Try at once instead of waiting on. */
  now() {
    if (this.stopped || this.online || !this.waiting) return;
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.#connect();
  }

  /** @param {object} frame; lost if the line is down: whoever needs an answer sends it again */
  send(frame) {
    if (this.posting) this.#exchange([frame], 0, this.generation).catch(() => this.#lost(this.generation));
    else if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  #connect() {
    const generation = ++this.generation;
    // Two tabs that open at once must not become two visitors: the second waits for what the first gets.
    if (store.visitor || !navigator.locks) {
      this.#open(generation);
      return;
    }
    navigator.locks.request("zusage.hello", () => {
      if (generation !== this.generation) return undefined;
      this.#open(generation);
      return new Promise((resolve) => {
        this.welcomed = resolve;
        setTimeout(resolve, WELCOME_WITHIN_MS);
      });
    });
  }

  #open(generation) {
    if (this.posting) {
      this.#poll(generation);
      return;
    }
    let opened = false;
    const socket = new WebSocket(this.url.replace(/^http/, "ws"));
    this.socket = socket;
    const tooLate = setTimeout(() => socket.close(), WELCOME_WITHIN_MS);
    socket.onopen = () => {
      opened = true;
      this.neverOpened = 0;
      socket.send(JSON.stringify(this.hello()));
    };
    socket.onmessage = (event) => {
      if (generation !== this.generation) return;
      clearTimeout(tooLate);
      this.#alive();
      this.#take(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      clearTimeout(tooLate);
      if (!opened && navigator.onLine !== false) this.neverOpened += 1;
      // A proxy that lets no WebSocket through lets requests through.
      if (this.neverOpened >= 2) this.posting = true;
      this.#lost(generation, event.code === FLOOD ? LONGEST_WAIT_MS : 0);
    };
  }

  #take(frame) {
    if (frame.type === "pong") return;
    if (frame.type === "welcome") {
      this.tries = 0;
      this.onFrame(frame);
      this.welcomed?.();
      if (!this.online) {
        this.online = true;
        this.onStatus(true);
      }
      return;
    }
    this.onFrame(frame);
  }

  #alive() {
    clearTimeout(this.silence);
    clearTimeout(this.deaf);
    this.silence = setTimeout(() => this.#ping(), SILENCE_MS);
  }

  #ping() {
    if (this.posting || this.socket?.readyState !== WebSocket.OPEN) return;
    const generation = this.generation;
    clearTimeout(this.deaf);
    this.deaf = setTimeout(() => this.#lost(generation), PONG_WITHIN_MS);
    this.send({ type: "ping" });
  }

  #end() {
    this.generation += 1;
    clearTimeout(this.silence);
    clearTimeout(this.deaf);
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.welcomed?.();
    if (this.socket) {
      this.socket.onclose = this.socket.onmessage = this.socket.onopen = null;
      this.socket.close();
      this.socket = null;
    }
    if (this.online) {
      this.online = false;
      this.onStatus(false);
    }
  }

  #lost(generation, atLeastMs = 0) {
    if (generation !== this.generation || this.stopped || this.waiting) return;
    this.#end();
    if (this.tries === 0) this.onStatus(false);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries);
    this.tries += 1;
    // Spread out: after an outage not everybody comes back in the same second.
    const wait = Math.max(atLeastMs, longest / 2 + (Math.random() * longest) / 2);
    this.waiting = setTimeout(() => {
      this.waiting = 0;
      this.#connect();
    }, wait);
  }

  async #poll(generation) {
    let wait = 0;
    while (generation === this.generation) {
      try {
        await this.#exchange([], wait, generation);
        wait = POLL_S;
      } catch {
        this.#lost(generation);
        return;
      }
    }
  }

  async #exchange(frames, wait, generation) {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ hello: this.hello(), frames, wait_s: wait }),
      signal: AbortSignal.timeout((wait + 15) * 1000),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const answer = await response.json();
    if (generation !== this.generation) return;
    for (const frame of answer.frames) this.#take(frame);
  }
}
