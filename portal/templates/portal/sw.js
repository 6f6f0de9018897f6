// Shows a push and leads to its page. The payload is {"title", "body", "url", "tag"}.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
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
