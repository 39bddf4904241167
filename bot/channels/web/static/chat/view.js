/** What is seen of the chat. */

import { answers, author, bubble, outgoing, progress } from "./message.js";
import { h, icon, link } from "./dom.js";
import { Panels } from "./panels.js";
import { blip } from "./sound.js";
import { store } from "./store.js";
import { dayHeading, language, list, speak, t } from "./texts.js";

const NEAR_END = 80; // pixels
const SAME_BREATH_MS = 180_000;
const TYPING_AFTER_MS = 350; // an answer that comes at once needs no sign

export class View {
  constructor({ conversation, connection, config, options, host, url }) {
    Object.assign(this, { conversation, connection, config, options, host, url });
    this.isOpen = !host.framed;
    this.resources = new Map();
    this.tools = {
      answer: (answer) => this.say(answer),
      choosePhoto: () => this.file.click(),
      retry: (id) => conversation.retry(id),
      discard: (id) => conversation.discard(id),
      resource: (path) => this.resource(path),
      download: (path, name) => this.download(path, name),
      productPicture: (sku) => this.productPicture(sku),
    };
    this.panels = new Panels(this);
    document.addEventListener("keydown", (event) => {
      this.log.classList.remove("quiet");
      if (event.key === "Escape" && !event.defaultPrevented && !this.panels.closeOne()) this.host.tell("close");
    });
    document.addEventListener("visibilitychange", () => this.#markSeen());
  }

  // -- the whole

  render() {
    const draft = this.text?.value ?? "";
    this.log = h("div", { class: "log", role: "log", "aria-label": t("log"), "aria-live": "off", tabindex: "0" });
    this.messages = h("ol", { class: "messages" });
    this.earlierButton = h(
      "button",
      { type: "button", class: "plain earlier", hidden: true, onclick: () => this.conversation.askEarlier() },
      t("earlier"),
    );
    this.answerArea = h("div", { class: "answer-area" });
    this.typing = h("div", { class: "typing", hidden: true }, h("span"), h("span"), h("span"));
    this.log.append(this.earlierButton, this.#intro(), this.messages, this.typing, this.answerArea);
    // Pictures and codes come later than the words around them, and a notice takes room from them.
    const sizes = new ResizeObserver(() => this.#follow());
    sizes.observe(this.messages);
    sizes.observe(this.log);
    this.log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.#toEnd(true) }, icon("down"), t("unread"));
    this.notice = h("div", { class: "notice", role: "status" });
    this.announcer = h("div", { class: "hidden", role: "status" });
    document.body.replaceChildren(
      h(
        "main",
        { class: "chat" },
        this.#header(),
        h("div", { class: "middle" }, this.log, this.jump),
        this.notice,
        this.#composer(),
        this.announcer,
      ),
    );
    this.text.value = draft;
    this.#fit();
    for (const item of this.conversation.items) this.#add(item);
    for (const message of this.conversation.queue) this.#addOutgoing(message);
    this.on("more");
    this.on("state");
    this.on("online");
    this.on("caughtUp");
    this.#toEnd();
  }

  #header() {
    const { logo, title } = this.options;
    this.sub = h("p", { class: "sub" });
    return h(
      "header",
      { class: "bar" },
      logo ? h("img", { class: "logo", src: logo, alt: "" }) : h("span", { class: "logo letter", "aria-hidden": "true" }, (title || this.config.shop)[0]),
      h("div", { class: "who" }, h("h1", {}, title || this.config.shop), this.sub),
      h(
        "button",
        { type: "button", class: "tool person", "aria-label": t("personLong"), title: t("personLong"), "aria-haspopup": "dialog", onclick: () => this.panels.person() },
        icon("person"),
        h("span", { "aria-hidden": "true" }, t("person")),
      ),
      this.panels.menuButton(),
      this.host.framed &&
        h("button", { type: "button", class: "tool", "aria-label": t("close"), title: t("close"), onclick: () => this.host.tell("close") }, icon("close")),
    );
  }

  #intro() {
    this.starters = h(
      "div",
      { class: "starters", role: "group", "aria-label": t("startersLabel") },
      list("starters").map((text) => h("button", { type: "button", class: "choice", onclick: () => this.say({ text }) }, text)),
    );
    return h(
      "section",
      { class: "intro" },
      h("h2", {}, this.options[`greeting-${language()}`] || t("hello")),
      h("p", {}, t("intro", { shop: this.config.shop })),
      h("p", { class: "small" }, t("privacyIntro"), " ", this.config.privacy && link(this.config.privacy, t("privacy"))),
      this.starters,
    );
  }

  #composer() {
    this.text = h("textarea", {
      rows: 1,
      "aria-label": t("placeholder"),
      placeholder: t("placeholder"),
      enterkeyhint: "send",
      autocomplete: "off",
      oninput: () => {
        this.#fit();
        this.#writing();
      },
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#submit();
      },
      onpaste: (event) => {
        const [file] = event.clipboardData?.files ?? [];
        if (file) {
          event.preventDefault();
          this.upload(file);
        }
      },
    });
    this.file = h("input", {
      type: "file",
      accept: "image/jpeg,image/png,image/webp,image/gif",
      hidden: true,
      "aria-hidden": "true",
      tabindex: "-1",
      onchange: () => {
        const [file] = this.file.files;
        if (file) this.upload(file);
        this.file.value = "";
      },
    });
    this.count = h("p", { class: "count", id: "count", role: "status" });
    this.sendButton = h("button", { type: "submit", class: "tool send", "aria-label": t("send"), title: t("send") }, icon("send"));
    return h(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.#submit();
        },
      },
      h("button", { type: "button", class: "tool", "aria-label": t("attach"), title: t("attach"), onclick: () => this.file.click() }, icon("clip")),
      this.file,
      h("div", { class: "field" }, this.text, this.count),
      this.sendButton,
    );
  }

  // -- what the customer does

  /** Let the person on the other side see that an answer is coming; the bot does not care. */
  #writing() {
    if (this.conversation.state !== "agent") return;
    clearTimeout(this.stoppedWriting);
    this.stoppedWriting = setTimeout(() => {
      this.stoppedWriting = 0;
      this.connection.send({ type: "writing", on: false });
    }, 4000);
    if (Date.now() - (this.wroteAt ?? 0) < 3000) return;
    this.wroteAt = Date.now();
    this.connection.send({ type: "writing", on: true });
  }

  #submit() {
    const text = this.text.value.trim();
    if (!text || text.length > this.config.maxChars) return;
    this.text.value = "";
    this.#fit();
    this.say({ text });
  }

  /** @param {Partial<import("./conversation.js").Outgoing>} message */
  say(message) {
    // The pressed button goes away; without a new place the keyboard would be nowhere.
    const focused = this.answerArea.contains(document.activeElement) || this.starters.contains(document.activeElement);
    if (this.stays) this.note("");
    this.conversation.say(message);
    if (focused) this.#focusEntry();
  }

  /** @param {File} file */
  async upload(file) {
    if (file.size > this.config.maxUpload) {
      this.note(t("photoLarge", { mb: Math.floor(this.config.maxUpload / 2 ** 20) }), true);
      return;
    }
    this.note(t("photoSending"));
    try {
      const query = new URLSearchParams({ name: file.name.slice(-200), language: language() });
      const response = await fetch(`${this.url}/attachments?${query}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${store.visitor}`, "Content-Type": "application/octet-stream" },
        body: file,
      });
      if (!response.ok) throw new Error((await response.json()).error?.code);
      const attachment = await response.json();
      this.note("");
      this.say({ attachments: [{ id: attachment.id, name: attachment.name }], text: this.text.value.trim() || undefined });
      this.text.value = "";
      this.#fit();
    } catch (error) {
      const known = { not_a_picture: "photoBad", too_large: "photoLarge" }[error.message];
      this.note(t(known ?? "photoFailed", { mb: Math.floor(this.config.maxUpload / 2 ** 20) }), true);
    }
  }

  /** @param {"de"|"en"} value */
  switchTo(value, chosen = false) {
    if (value !== "de" && value !== "en") return;
    if (chosen) {
      store.language = value;
      this.connection.send({ type: "language", language: value });
    }
    if (value !== language()) speak(value).then(() => this.render());
  }

  // -- what happens

  /** @param {string} what @param {any} [detail] */
  on(what, detail) {
    switch (what) {
      case "reset":
        return this.render();
      case "message":
        return this.#arrived(detail);
      case "queued":
        this.#addOutgoing(detail);
        this.#showAnswers();
        return this.#toEnd(true);
      case "progress": {
        const element = this.#outgoingElement(detail.id);
        return element && progress(element, detail, this.tools);
      }
      case "discarded":
        return this.#outgoingElement(detail)?.remove();
      case "earlier":
        return this.#prepend(detail);
      case "more":
        this.earlierButton.hidden = !this.conversation.more;
        return undefined;
      case "caughtUp":
        this.#showAnswers();
        this.#markSeen();
        return undefined;
      case "state":
        this.#showAnswers();
        return this.#state(detail);
      case "typing":
        return this.#typing();
      case "online":
        clearTimeout(this.offlineTimer);
        if (this.conversation.online) return this.stays ? undefined : this.note("");
        // A line that is back in a moment is not worth a word.
        this.offlineTimer = setTimeout(() => this.note(t("offline"), true), 2_000);
        return undefined;
      case "refused":
        if (detail.code === "too_many_requests") this.note(t("slow"), true);
        return undefined;
      case "promises":
        return this.panels.showPromises(detail);
      case "service":
        return this.panels.showService(detail);
      default:
        return undefined;
    }
  }

  opened() {
    this.isOpen = true;
    this.#toEnd();
    this.#markSeen();
    this.#focusEntry();
  }

  /** On a phone the keyboard would cover half of what the customer has not read yet: there the log has the focus. */
  #focusEntry() {
    const touched = matchMedia("(pointer: coarse)").matches;
    this.log.classList.toggle("quiet", touched); // no ring around everything before a key is pressed
    (touched ? this.log : this.text).focus({ preventScroll: true });
  }

  closed() {
    this.isOpen = false;
  }

  /** @param {string} text @param {boolean} [warn] @param {boolean} [stays] until the customer goes on */
  note(text, warn = false, stays = false) {
    this.stays = stays;
    this.notice.classList.toggle("warn", warn);
    this.notice.replaceChildren(...(text ? [icon(warn ? "alert" : "clock"), h("span", {}, text)] : []));
  }

  // -- messages

  #arrived(item) {
    const own = item.id && this.#outgoingElement(item.id);
    if (own) {
      const element = this.#element(item);
      // In its place, not anew: a screen reader has said it already.
      own.replaceWith(element);
      this.#dayBefore(element, item);
    } else {
      this.#add(item);
    }
    if (item.author !== "customer") {
      const choices = item.buttons?.length ? ` ${t("choices", { count: item.buttons.length })}` : "";
      if (this.#fresh(item)) {
        this.announcer.append(h("p", {}, `${author(item)}: ${item.text ?? ""}${choices}`));
        while (this.announcer.children.length > 5) this.announcer.firstChild.remove();
        if (store.sound && !this.#attending()) blip();
      }
    }
    this.#follow();
  }

  /** Whether a message came just now, not with the history. */
  #fresh(item) {
    return Date.now() - new Date(item.at).getTime() < 60_000;
  }

  #element(item) {
    const element = bubble(item, this.tools);
    element.item = item;
    return element;
  }

  #add(item) {
    const element = this.#element(item);
    const firstOutgoing = this.messages.querySelector(":scope > [data-id]");
    this.messages.insertBefore(element, firstOutgoing);
    this.#dayBefore(element, item);
  }

  #prepend(items) {
    const height = this.log.scrollHeight;
    const first = this.messages.firstElementChild;
    const fragment = document.createDocumentFragment();
    for (const item of items) fragment.append(this.#element(item));
    this.messages.insertBefore(fragment, first);
    for (const element of this.messages.querySelectorAll(".day")) element.remove();
    for (const element of [...this.messages.children]) if (element.item) this.#dayBefore(element, element.item);
    this.log.scrollTop += this.log.scrollHeight - height;
    this.log.focus({ preventScroll: true });
  }

  #dayBefore(element, item) {
    const before = element.previousElementSibling?.item;
    const sameDay = before && new Date(before.at).toDateString() === new Date(item.at).toDateString();
    if (!sameDay || before.conversation !== item.conversation) {
      element.before(h("li", { class: "day" }, h("span", {}, dayHeading(item.at))));
    } else if (
      before.author === item.author &&
      before.agent === item.agent &&
      new Date(item.at).getTime() - new Date(before.at).getTime() < SAME_BREATH_MS
    ) {
      element.classList.add("cont");
    }
  }

  #addOutgoing(message) {
    this.messages.append(outgoing(message, this.tools));
  }

  #outgoingElement(id) {
    return [...this.messages.querySelectorAll(":scope > [data-id]")].find((element) => element.dataset.id === id);
  }

  /** The choices of the last thing the bot said; gone once the customer said something or a person is there. */
  #showAnswers() {
    const { items, queue, state } = this.conversation;
    this.starters.hidden = items.length > 0 || queue.length > 0;
    const said = items.findLastIndex((item) => item.author === "customer" || item.author === "agent");
    const open = queue.length || state === "agent" ? undefined : items.slice(said + 1).findLast((item) => item.buttons?.length || item.input);
    if (open === this.offered && this.answerArea.childElementCount) return;
    this.offered = open;
    const shown = open && answers(open, this.tools);
    this.text.inputMode = open?.input?.type === "code" ? "numeric" : "text";
    this.answerArea.replaceChildren(...(shown ? [shown] : []));
    this.#follow();
  }

  // -- who is there

  #state(spoken) {
    const { state, agent, items } = this.conversation;
    if (spoken && !store.language && items.length && spoken !== language()) {
      this.switchTo(spoken);
      return;
    }
    const words = {
      bot: t("assistant"),
      waiting: t("waiting"),
      agent: agent ? [h("strong", {}, agent), ` ${t("agentSub")}`] : t("system"),
      closed: t("assistant"),
    }[state];
    this.sub.replaceChildren(h("span", { class: `dot ${state}`, "aria-hidden": "true" }), h("span", {}, words));
    document.querySelector(".person")?.toggleAttribute("hidden", state === "agent");
  }

  #typing() {
    clearTimeout(this.typingTimer);
    const { typing, agent } = this.conversation;
    if (!typing) {
      this.typing.hidden = true;
      return;
    }
    if (!this.typing.hidden) return;
    this.typingTimer = setTimeout(() => {
      this.typing.setAttribute("role", "img");
      this.typing.setAttribute("aria-label", typing.who === "agent" ? t("typingAgent", { name: agent ?? "" }) : t("typingBot"));
      this.typing.hidden = false;
      this.#follow();
    }, TYPING_AFTER_MS);
  }

  // -- reading

  #attending() {
    return this.isOpen && document.visibilityState === "visible";
  }

  #markSeen() {
    const { items, id, last } = this.conversation;
    if (!id) return;
    if (this.#attending()) {
      store.seen = `${id}/${last}`;
      this.host.tell("unread", 0);
      return;
    }
    const [seenIn, seenTo] = store.seen.split("/");
    const unread = items.filter(
      (item) => item.conversation === id && item.author !== "customer" && (seenIn !== id || item.number > Number(seenTo)),
    );
    this.host.tell("unread", unread.length);
  }

  #atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END;
  }

  #follow() {
    if (this.stuck !== false) this.#toEnd();
    else this.jump.hidden = false;
  }

  #toEnd(now = false) {
    if (now) this.stuck = true;
    this.log.scrollTop = this.log.scrollHeight;
    this.jump.hidden = true;
  }

  #scrolled() {
    this.stuck = this.#atEnd();
    if (this.stuck) this.jump.hidden = true;
  }

  #fit() {
    const { maxChars } = this.config;
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 132)}px`;
    const left = maxChars - this.text.value.length;
    const over = left < 0;
    this.count.textContent = left > 100 ? "" : over ? t("tooLongOver", { over: -left }) : t("tooLong", { left });
    this.count.classList.toggle("over", over);
    this.sendButton?.toggleAttribute("disabled", over);
  }

  /** What only this visitor may see comes with the token: an address alone shows it to nobody. */
  resource(path) {
    if (!this.resources.has(path)) {
      const loading = fetch(`${this.url}/${path}`, { headers: { Authorization: `Bearer ${store.visitor}` } }).then(async (response) => {
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        return URL.createObjectURL(await response.blob());
      });
      loading.catch(() => this.resources.delete(path));
      this.resources.set(path, loading);
    }
    return this.resources.get(path);
  }

  /** @param {string} path @param {string} name of the file */
  async download(path, name) {
    try {
      h("a", { href: await this.resource(path), download: name }).click();
    } catch {
      this.note(t("downloadFailed"), true);
    }
  }

  productPicture(sku) {
    const { pictures } = this.config;
    if (!pictures || !sku) return null;
    return h("img", { src: pictures.replace("{sku}", encodeURIComponent(sku)), alt: "", width: 44, height: 44, loading: "lazy" });
  }
}
