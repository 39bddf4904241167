/** The shop's page around the frame: what it may ask of the chat, and what it hears. */

const EVENTS = { message: (item) => ({ author: item.author, number: item.number }), state: () => ({}) };

export class Host {
  /**
   * @param {string[]} allowed origins that may embed the chat
   * @param {Record<string, (value: any) => void>} commands
   */
  constructor(allowed, commands) {
    this.framed = window.parent !== window;
    if (!this.framed) return;
    // The frame's own policy lets only allowed pages embed it; this says the same for what they send.
    const origins = [location.origin, ...allowed];
    addEventListener("message", (event) => {
      if (event.source !== window.parent || !origins.includes(event.origin)) return;
      const { zusage: command, value } = event.data ?? {};
      this.origin = event.origin;
      if (Object.hasOwn(commands, command)) commands[command](value);
    });
  }

  /** @param {string} what @param {any} [value] */
  tell(what, value) {
    // To anyone: nothing in it is secret, and who embeds us is not known before they write.
    if (this.framed) window.parent.postMessage({ zusage: what, value }, this.origin ?? "*");
  }

  ready() {
    this.tell("ready");
  }

  /** Let the shop's page know that something happened, never what was said. */
  event(what, detail) {
    if (Object.hasOwn(EVENTS, what)) this.tell("event", { name: what, detail: EVENTS[what](detail ?? {}) });
  }
}
