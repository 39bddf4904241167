/** The way to Telegram and back: the link, the question whose account it is, and how to part again. */

import { h, link } from "./dom.js";
import { store } from "./store.js";
import { language, t } from "./texts.js";

const LOOK_AGAIN_MS = 2_000;

export class Telegram {
  /**
   * @param {any} view
   * @param {(title: string, body: any, ...actions: any[]) => HTMLDialogElement} dialog shows one
   */
  constructor(view, dialog) {
    this.view = view;
    this.body = h("div", { class: "telegram", "aria-live": "polite" });
    this.dialog = dialog(t("telegram"), this.body, [t("back")]);
    this.actions = this.dialog.querySelector(".actions");
    this.back = this.actions.firstChild;
  }

  /** Begin where the visitor is: with a new link unless one is under way or the chats are joined. */
  async start() {
    await this.#try(async () => {
      const state = await this.#ask("GET");
      if (state.state === "none") await this.#offer();
      else this.#show(state);
      this.#watch();
    });
  }

  async #offer() {
    const { url } = await this.#ask("POST", `?lang=${language()}`);
    // Shown now; the way of the offer itself is seen by asking again.
    this.shown = "offered";
    const code = h("img", { class: "qr", alt: t("telegramCode") });
    this.view.resource(`telegram-code.svg?link=${encodeURIComponent(url)}`).then((address) => (code.src = address), () => code.remove());
    const open = link(url, t("telegramOpen"));
    open.classList.add("choice", "strong");
    this.#say([h("p", {}, t("telegramOffer")), code], open);
  }

  #show({ state, name }) {
    if (state === this.shown) return;
    this.shown = state;
    const button = (text, act, strong) => h("button", { type: "button", class: strong ? "choice strong" : "choice", onclick: () => this.#try(act) }, text);
    const again = button(t("telegramAgain"), () => this.#offer());
    const undo = async () => {
      await this.#ask("DELETE");
      this.dialog.close();
    };
    const words = { name: name ?? "Telegram" };
    if (state === "offered") this.#say([h("p", {}, t("telegramOffered"))], again);
    else if (state === "opened") this.#say([h("p", {}, t("telegramOpened", words))], again);
    else if (state === "agreed") {
      this.#say(
        [h("p", {}, t("telegramAgreed", words))],
        button(t("telegramNo"), undo),
        button(t("telegramYes"), async () => this.#show(await this.#ask("POST", "/confirm")), true),
      );
    } else if (state === "joined") this.#say([h("p", {}, t("telegramJoined", words))], button(t("telegramPart"), undo));
    else this.#say([h("p", {}, t("telegramExpired"))], again);
  }

  #say(body, ...actions) {
    this.body.replaceChildren(...body);
    this.actions.replaceChildren(this.back, ...actions);
  }

  async #watch() {
    while (this.dialog.open && this.shown !== "joined") {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      if (this.dialog.open) await this.#try(async () => this.#show(await this.#ask("GET")));
    }
  }

  async #try(work) {
    try {
      await work();
    } catch {
      this.shown = null;
      this.#say([h("p", {}, t("telegramFailed"))]);
    }
  }

  async #ask(method, path = "") {
    const response = await fetch(`${this.view.url}/telegram${path}`, {
      method,
      headers: { Authorization: `Bearer ${store.visitor}` },
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.status === 204 ? { state: "none" } : response.json();
  }
}

/**
 * Come back from Telegram: the code of the link makes this browser take part in the conversation.
 * @param {string} url address of `/chat`
 * @param {string} code
 * @returns {Promise<boolean>} whether it still counted
 */
export async function comeBack(url, code) {
  try {
    const response = await fetch(`${url}/telegram/return`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }),
    });
    if (response.ok) store.visitor = (await response.json()).visitor;
    return response.ok;
  } catch {
    return false;
  }
}
