/* The one line for a shop's page: <script src="https://…/widget.js" async></script>. docs/embedding.md has the options. */
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.Zusage?.open) return;
  const service = new URL(script.src).origin;
  const data = script.dataset;
  const language = (data.language || document.documentElement.lang || "de").startsWith("en") ? "en" : "de";
  const accent = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(data.color || "") ? data.color : "#0f4c5c";
  const left = data.position === "left";
  const label = {
    de: { open: data.label || "Fragen? Chat öffnen", close: "Chat schließen", chat: "Chat", unread: "ungelesen", dismiss: "Hinweis schließen" },
    en: { open: data.label || "Questions? Open chat", close: "Close chat", chat: "Chat", unread: "unread", dismiss: "Dismiss" },
  };
  const listeners = {};
  let words = label[language];
  let frame, ready, isOpen, before;
  let unread = 0;
  const waiting = [];

  // The tab remembers that the shopper opened the chat, so that it is still there on the shop's next page.
  const memory = {
    get: () => { try { return sessionStorage.getItem("zusage"); } catch { return null; } },
    set: (value) => { try { sessionStorage.setItem("zusage", value); } catch { /* forbidden: the chat closes with the page */ } },
  };

  const css = `
:host{all:initial}
*{box-sizing:border-box}
button{font:500 15px/1.2 system-ui,sans-serif;cursor:pointer;border:0}
.launch{position:fixed;z-index:2147483000;bottom:calc(20px + env(safe-area-inset-bottom));${left ? "left" : "right"}:20px;width:58px;height:58px;border-radius:50%;background:var(--a);color:var(--on);display:grid;place-items:center;box-shadow:0 6px 22px rgb(10 25 32/28%),0 1px 3px rgb(10 25 32/20%);transition:transform .16s}
.launch:hover{transform:translateY(-2px)}
.launch:focus-visible,.hint button:focus-visible{outline:3px solid var(--a);outline-offset:3px;box-shadow:0 0 0 3px #fff}
svg{width:27px;height:27px;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}
.n{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#b3261e;color:#fff;font:600 12px/22px system-ui,sans-serif;text-align:center}
.panel{position:fixed;z-index:2147483001;bottom:calc(92px + env(safe-area-inset-bottom));${left ? "left" : "right"}:20px;width:min(400px,calc(100vw - 40px));height:min(680px,calc(100vh - 120px));height:min(680px,calc(100dvh - 120px));border-radius:18px;overflow:hidden;background:var(--page);box-shadow:0 16px 50px rgb(10 25 32/28%),0 2px 8px rgb(10 25 32/14%)}
iframe{display:block;width:100%;height:100%;border:0;color-scheme:normal}
.hint{position:fixed;z-index:2147483000;bottom:calc(92px + env(safe-area-inset-bottom));${left ? "left" : "right"}:20px;max-width:min(300px,calc(100vw - 40px));display:flex;align-items:flex-start;gap:6px;padding:6px;border-radius:16px;background:#fff;color:#1a2124;box-shadow:0 8px 28px rgb(10 25 32/20%)}
.hint button{background:none;color:inherit;padding:9px 10px;border-radius:11px;text-align:start;line-height:1.4}
.hint button:hover{background:#f1f4f5}
[hidden]{display:none!important}
@media (max-width:480px),(max-height:480px){.panel{inset:0;width:100%;height:100%;height:100dvh;border-radius:0}.open .launch{display:none}}
@media (prefers-reduced-motion:reduce){.launch{transition:none}}
@media (forced-colors:active){.launch,.panel,.hint{border:2px solid}}
@media print{.launch,.panel,.hint{display:none}}`;

  const light = (hex) => {
    const full = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
    const [r, g, b] = [1, 3, 5].map((i) => {
      const s = parseInt(full.slice(i, i + 2), 16) / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
  };

  const make = (tag, props, ...children) => {
    const element = document.createElement(tag);
    for (const name in props) element.setAttribute(name, props[name]);
    element.append(...children);
    return element;
  };

  const draw = (d) => {
    const NS = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(NS, "path");
    path.setAttribute("d", d);
    svg.append(path);
    return svg;
  };
  const BUBBLE = "M12 4.5c4.7 0 8.5 3.1 8.5 7s-3.8 7-8.5 7c-.9 0-1.8-.1-2.6-.3L5 20l.7-3.3c-1.4-1.3-2.2-3.1-2.2-5.2 0-3.9 3.8-7 8.5-7Z";
  const CROSS = "m7 10 5 5 5-5";

  const host = make("zusage-chat");
  const root = host.attachShadow({ mode: "open" });
  // A constructed sheet needs no exception in the page's content security policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  host.style.setProperty("--a", accent);
  host.style.setProperty("--on", light(accent) ? "#171c1f" : "#fff");
  const dark = data.theme === "dark" || (data.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  host.style.setProperty("--page", dark ? "#13181a" : "#fff");

  const badge = make("span", { class: "n", hidden: "" });
  const launch = make("button", { type: "button", class: "launch", "aria-expanded": "false" });
  const panel = make("div", { class: "panel", hidden: "" });
  const box = make("div", {}, launch, panel);
  root.append(box);

  const show = () => {
    launch.replaceChildren(draw(isOpen ? CROSS : BUBBLE), badge);
    launch.setAttribute("aria-expanded", String(!!isOpen));
    const name = isOpen ? words.close : words.open + (unread ? ` (${unread} ${words.unread})` : "");
    launch.setAttribute("aria-label", name);
    launch.title = name;
    badge.textContent = unread > 9 ? "9+" : String(unread);
    badge.hidden = !unread || isOpen;
    panel.hidden = !isOpen;
    box.className = isOpen ? "open" : "";
    fit();
  };

  // The keyboard of a phone shrinks only what is seen, not the page: follow it.
  const fit = () => {
    const view = window.visualViewport;
    const small = matchMedia("(max-width:480px),(max-height:480px)").matches;
    panel.style.height = isOpen && small && view ? `${view.height}px` : "";
    panel.style.top = isOpen && small && view ? `${view.offsetTop}px` : "";
    panel.style.bottom = isOpen && small && view ? "auto" : "";
  };

  const tell = (command, value) => {
    if (ready) frame.contentWindow.postMessage({ zusage: command, value }, service);
    else waiting.push([command, value]);
  };

  const emit = (name, detail) => {
    for (const listener of listeners[name] || []) listener(detail);
  };

  const load = () => {
    if (frame) return;
    const options = new URLSearchParams({ language });
    for (const name of ["color", "theme", "logo", "title", "greetingDe", "greetingEn"]) {
      if (data[name]) options.set(name.replace(/[A-Z]/, (c) => `-${c.toLowerCase()}`), data[name]);
    }
    frame = make("iframe", { src: `${service}/chat?lang=${language}#${options}`, title: words.chat, allow: "clipboard-write" });
    panel.append(frame);
  };

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== service) return;
    const { zusage: what, value } = event.data || {};
    if (what === "ready") {
      ready = true;
      tell(isOpen ? "open" : "closed");
      for (const [command, data] of waiting.splice(0)) tell(command, data);
    } else if (what === "close") api.close();
    else if (what === "unread") {
      unread = value;
      show();
      emit("unread", value);
    } else if (what === "event") emit(value.name, value.detail);
  });

  const api = {
    open() {
      if (isOpen) return;
      hint(false);
      before = document.activeElement;
      isOpen = true;
      memory.set("open");
      load();
      show();
      frame.focus();
      tell("open");
      emit("open");
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      memory.set("used");
      show();
      tell("closed");
      (before?.isConnected && before !== document.body && before !== host ? before : launch).focus();
      emit("close");
    },
    toggle: () => (isOpen ? api.close() : api.open()),
    identify: (token) => tell("identify", token || null),
    page: (context) => tell("page", context || null),
    language(value) {
      words = label[value] || words;
      show();
      tell("language", value);
    },
    on: (name, listener) => (listeners[name] ||= []).push(listener),
    push: ([name, ...values]) => api[name]?.(...values),
  };

  // A greeting of the shop's own accord: only where the page asks for it, and not again for days (7, if not said).
  // To keep to that, the date is kept in localStorage; without a greeting nothing is.
  let bubble;
  const hint = (on) => {
    bubble?.remove();
    const text = data[language === "en" ? "proactiveEn" : "proactive"];
    const pause = 86_400_000 * (Number(data.proactiveDays) || 7);
    try {
      if (!on || !text || isOpen || memory.get() || Date.now() - Number(localStorage.getItem("zusage.greeted")) < pause) return;
      localStorage.setItem("zusage.greeted", String(Date.now()));
    } catch {
      return; // who cannot remember does not greet
    }
    const open = make("button", { type: "button" }, text);
    const dismiss = make("button", { type: "button", "aria-label": words.dismiss }, "×");
    bubble = make("div", { class: "hint", role: "status" }, open, dismiss);
    open.onclick = api.open;
    dismiss.onclick = () => hint(false);
    box.append(bubble);
    emit("greeting");
  };

  launch.onclick = api.toggle;
  window.visualViewport?.addEventListener("resize", fit);
  window.visualViewport?.addEventListener("scroll", fit);
  const early = Array.isArray(window.Zusage) ? window.Zusage : [];
  window.Zusage = api;
  const begin = () => {
    document.body.append(host);
    show();
    for (const call of early) api.push(call);
    const was = memory.get();
    if (was === "open" && !matchMedia("(max-width:480px)").matches) api.open();
    else if (was === "open" || was === "used") load();
    if (data.proactive || data.proactiveEn) setTimeout(() => hint(true), 1000 * (Number(data.proactiveAfter) || 30));
  };
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
