/* Visits to a web shop, for Regulars. No cookie, nobody else's code, nothing before the visitor agrees, nothing against Do Not Track.
   <script src="https://…/api/v1/visits.js" data-site="KEY" defer></script>, then regulars.consent(true) when your banner says so. */
(() => {
  "use strict";
  const tag = document.currentScript;
  if (!tag || window.regulars) return;
  const site = tag.dataset.site, address = new URL("visits", tag.src).href;
  const AGREED = "regulars-agreed", VISITOR = "regulars-visitor", BATCH = 20, WAIT_MS = 2000;
  const refuses = navigator.doNotTrack === "1" || navigator.globalPrivacyControl === true;
  let waiting = [], timer = 0, last = "";

  const kept = {
    get(name) { try { return localStorage.getItem(name) || ""; } catch { return ""; } },
    set(name, value) { try { if (value) localStorage.setItem(name, value); else localStorage.removeItem(name); } catch { /* private mode: this page only */ } },
  };
  let agreed = kept.get(AGREED) === "1" || tag.dataset.consent === "given", visitor = kept.get(VISITOR);

  const name = () => (crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join(""));

  const send = () => {
    clearTimeout(timer);
    timer = 0;
    if (!waiting.length || !agreed || refuses) return;
    const now = Date.now(), events = waiting.splice(0, BATCH).map(({ at, ...event }) => ({ ...event, ago_ms: now - at }));
    // Plain text needs no question beforehand; keepalive lets it leave with the page.
    fetch(address, { method: "POST", keepalive: true, credentials: "omit", body: JSON.stringify({ site, visitor, consent: true, events }) })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((said) => { if (said && said.visitor && agreed) { visitor = said.visitor; kept.set(VISITOR, visitor); } })
      .catch(() => { /* a visit that is lost is lost */ });
    if (waiting.length) timer = setTimeout(send, WAIT_MS);
  };

  const note = (kind, subject) => {
    if (!agreed || refuses || !site) return;
    waiting.push({ id: name(), kind, subject: String(subject).slice(0, 200), at: Date.now() });
    if (waiting.length >= BATCH) send();
    else if (!timer) timer = setTimeout(send, WAIT_MS);
  };

  const view = (path = location.pathname) => {
    if (!agreed || path === last) return; // one event a view, however often a page's own router says so
    last = path;
    note("page", path);
  };

  window.regulars = {
    consent(yes) {
      agreed = Boolean(yes);
      kept.set(AGREED, agreed ? "1" : "");
      if (agreed) return view();
      waiting = [];
      visitor = last = "";
      kept.set(VISITOR, "");
    },
    view,
    search: (words) => note("search", words),
    cart: (product) => note("cart", product),
    visitor: () => visitor, // for your server, when somebody signs in: POST /api/v1/visits/claims
  };
  addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
  addEventListener("pagehide", send);
  view();
})();
