// Web push on this device: asks the browser, tells the server. Words come from the section's data attributes.
(() => {
  const box = document.getElementById("device");
  if (!box || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  const words = box.dataset;
  const status = box.querySelector("[data-push-status]");
  const on = box.querySelector("[data-push-on]");
  const off = box.querySelector("[data-push-off]");

  const show = (isOn, word) => {
    status.textContent = word ?? (isOn ? words.wordOn : words.wordOff);
    on.hidden = isOn;
    off.hidden = !isOn;
    box.hidden = false;
  };
  const tell = async (address, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": words.csrf },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const key = () => {
    const text = atob(words.pushKey.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  };
  const registration = () => navigator.serviceWorker.register(words.worker, { scope: words.scope });

  on.addEventListener("click", async () => {
    try {
      if ((await Notification.requestPermission()) !== "granted") return show(false, words.wordBlocked);
      const worker = await registration();
      await navigator.serviceWorker.ready;
      const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key() });
      await tell(words.subscribe, subscription.toJSON());
      show(true);
    } catch {
      show(false, words.wordFailed);
    }
  });
  off.addEventListener("click", async () => {
    try {
      const subscription = await (await navigator.serviceWorker.getRegistration(words.scope))?.pushManager.getSubscription();
      if (subscription) {
        await tell(words.unsubscribe, { endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      show(false);
    } catch {
      show(true, words.wordFailed);
    }
  });

  (async () => {
    const worker = await navigator.serviceWorker.getRegistration(words.scope);
    const subscription = await worker?.pushManager.getSubscription();
    if (Notification.permission === "denied") return show(false, words.wordBlocked);
    show(Boolean(subscription));
  })();
})();
