// Keeps card, balance and vouchers readable without a network, and shows pushes ({"title", "body", "url", "tag"}).
const STATIC = "portal-static-1", MINE = "portal-mine", POCKET = "{% url "portal:pocket" %}";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

// The member's pocket page is the one personal page a phone keeps, under one address; leaving takes it away.
const keepPocket = async () => {
  const answer = await fetch(POCKET, { credentials: "same-origin" });
  const mine = await caches.open(MINE);
  if (answer.ok && !answer.redirected) await mine.put(POCKET, answer);
  else if (answer.redirected) await mine.delete(POCKET);
};
addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(keepPocket().catch(() => {}));
  if (event.data === "forget") event.waitUntil(caches.delete(MINE));
});

const page = async (request) => {
  try {
    return await fetch(request);
  } catch (failure) {
    const kept = await caches.match(POCKET, { cacheName: MINE });
    if (kept) return kept;
    throw failure;
  }
};
const asset = async (request) => {
  const kept = await caches.open(STATIC);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (failure) {
    const found = await kept.match(request, { ignoreSearch: true });
    if (found) return found;
    throw failure;
  }
};
addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname.startsWith("{{ static_url|escapejs }}")) event.respondWith(asset(request));
});

addEventListener("push", (event) => {
  let content = {};
  try { content = event.data.json(); } catch { return; }
  event.waitUntil(registration.showNotification(content.title, {
    body: content.body, tag: content.tag, icon: "{{ icon|escapejs }}", data: { url: content.url },
  }));
});
addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url || registration.scope, registration.scope);
  if (/^https?:$/.test(url.protocol)) event.waitUntil(clients.openWindow(url.href));
});
