/** What opens over the conversation: the menu, promises, and the questions before something that matters. */

import { h, icon, link, linked } from "./dom.js";
import { store } from "./store.js";
import { Telegram } from "./telegram.js";
import { clock, day, language, plural, t } from "./texts.js";

export class Panels {
  constructor(view) {
    this.view = view;
    document.addEventListener("click", (event) => {
      if (this.menu && !this.menu.hidden && !this.menuWrap.contains(event.target)) this.#closeMenu();
    });
  }

  /** Close what is open on top. @returns {boolean} whether there was something */
  closeOne() {
    if (this.menu && !this.menu.hidden) {
      this.#closeMenu();
      this.button.focus();
      return true;
    }
    return Boolean(document.querySelector("dialog[open]"));
  }

  // -- menu

  menuButton() {
    this.button = h(
      "button",
      { type: "button", class: "tool", "aria-label": t("menu"), title: t("menu"), "aria-expanded": "false", "aria-controls": "menu", onclick: () => this.#toggleMenu() },
      icon("menu"),
    );
    this.menu = h("ul", { class: "menu", id: "menu", hidden: true });
    this.menuWrap = h("div", { class: "menu-wrap" }, this.button, this.menu);
    return this.menuWrap;
  }

  #toggleMenu() {
    if (!this.menu.hidden) {
      this.#closeMenu();
      return;
    }
    const { config, conversation } = this.view;
    const item = (name, text, onclick, extra = {}) =>
      h("li", {}, h("button", { type: "button", onclick: () => (this.#closeMenu(), onclick()), ...extra }, icon(name), h("span", {}, text)));
    const begun = Boolean(conversation.id);
    this.menu.replaceChildren(
      ...[
        begun && item("promise", t("promises"), () => this.promises()),
        begun && item("save", t("transcript"), () => this.transcript()),
        config.telegram && item("send", t("telegram"), () => this.telegram()),
        h("li", {}, h("button", { type: "button", lang: t("switchLanguageCode"), onclick: () => this.#switch() }, icon("language"), h("span", {}, t("switchLanguage")))),
        item("sound", t("sound"), () => (store.sound = !store.sound), { "aria-pressed": String(store.sound) }),
        config.withdrawal && h("li", {}, this.#menuLink(config.withdrawal, icon("undo"), t("withdrawal"))),
        config.privacy && h("li", {}, this.#menuLink(config.privacy, icon("shield"), t("privacy"))),
        begun && item("restart", t("restart"), () => this.restart()),
      ].filter(Boolean),
    );
    this.menu.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.menu.querySelector("button, a").focus();
  }

  #menuLink(address, ...children) {
    const element = link(address, ...children.slice(0, 1), h("span", {}, children[1]));
    element.addEventListener("click", () => this.#closeMenu());
    return element;
  }

  #switch() {
    this.#closeMenu();
    this.view.switchTo(/** @type {"de"|"en"} */ (t("switchLanguageCode")), true);
    this.button.focus();
  }

  #closeMenu() {
    const inside = this.menu.contains(document.activeElement);
    this.menu.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (inside) this.button.focus();
  }

  // -- dialogs

  /** Show a dialog; the browser keeps the focus inside and gives it back. */
  #dialog(title, body, ...actions) {
    const dialog = h(
      "dialog",
      { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
      h("h2", { id: "dialog-title" }, title),
      body,
      h("div", { class: "actions" }, actions.map(([text, act, strong]) =>
        h("button", { type: "button", class: strong ? "choice strong" : "choice", onclick: () => (dialog.close(), act?.()) }, text),
      )),
    );
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  person() {
    this.service = h("div", { class: "service", "aria-live": "polite" });
    this.#dialog(
      t("personTitle"),
      h("div", {}, this.service, h("p", {}, t("personContext"))),
      [t("cancel")],
      [t(this.view.conversation.service?.open === false ? "personLeave" : "personYes"), () => this.view.say({ person: true, text: t("personSaid") }), true],
    );
    if (this.view.conversation.service) this.showService(this.view.conversation.service, false);
    this.view.connection.send({ type: "service" });
  }

  showService(service, asked = true) {
    if (!this.service?.isConnected) return;
    const { timeZone } = this.view.config;
    const lines = [];
    if (service.open) {
      if (service.until) lines.push(t("personOpen", { until: clock(service.until, timeZone) }));
      if (service.wait_s !== undefined) lines.push(t("personWait", { wait: minutes(service.wait_s) }));
      else if (asked) lines.push(t("personNobody"));
    } else if (service.opens) {
      const opens = `${day(service.opens, { weekday: "long", day: "numeric", month: "long", timeZone })}, ${clock(service.opens, timeZone)}`;
      lines.push(t("personClosed", { opens: language() === "de" ? `${opens} Uhr` : opens }));
    }
    this.service.replaceChildren(...lines.map((line) => h("p", {}, line)));
  }

  restart() {
    this.#dialog(
      t("restartTitle"),
      h("p", {}, t("restartText")),
      [t("cancel")],
      [t("restartYes"), () => this.view.connection.send({ type: "restart" }), true],
    );
  }

  telegram() {
    new Telegram(this.view, (...parts) => this.#dialog(...parts)).start();
  }

  promises() {
    this.list = h("div", { class: "promises", "aria-live": "polite" });
    this.#dialog(t("promises"), h("div", {}, h("p", {}, t("promisesIntro")), this.list), [t("back"), undefined, true]);
    this.view.connection.send({ type: "promises" });
  }

  showPromises(promises) {
    if (!this.list?.isConnected) return;
    if (!promises.length) {
      this.list.replaceChildren(h("p", { class: "none" }, t("promisesNone")));
      return;
    }
    this.list.replaceChildren(
      h(
        "ul",
        {},
        promises.map((promise) =>
          h(
            "li",
            { class: promise.state },
            icon({ open: "clock", kept: "check" }[promise.state] ?? "alert"),
            h(
              "div",
              {},
              h("p", {}, promise.wording),
              h(
                "p",
                { class: "small" },
                h("span", { class: "badge" }, t(`promise_${promise.state}`)),
                ` ${t("due", { date: day(promise.due) })}`,
                // Its words may say "tomorrow", which is read on other days too.
                day(promise.made_at) !== day(new Date()) && ` · ${t("made", { date: day(promise.made_at) })}`,
                promise.order && linked(` · ${t("order", { order: promise.order })}`),
              ),
            ),
          ),
        ),
      ),
    );
  }

  transcript() {
    const shop = this.view.config.shop.replace(/[^\p{L}\p{N}]+/gu, "-");
    this.view.resources.delete("transcript"); // it has grown since
    this.view.download("transcript", `${shop}-Chat-${new Date().toISOString().slice(0, 10)}.txt`);
  }
}

function minutes(seconds) {
  const n = Math.ceil(seconds / 60);
  return seconds < 60 ? t("lessThanMinute") : plural("minutes", n);
}
