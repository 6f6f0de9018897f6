// Tells the cashier within two seconds that the house cannot be reached, and hands in what waits when it can again.
(() => {
  const banner = document.getElementById("connection");
  if (!banner || !("serviceWorker" in navigator)) return;
  const { worker, status, sales, store } = banner.dataset;
  const EVERY = 2000;
  let isCutOff = false;

  const show = async () => {
    const waiting = (await TillQueue.all()).length;
    banner.hidden = !isCutOff && !waiting;
    banner.querySelector("[data-cut-off]").hidden = !isCutOff;
    const line = banner.querySelector("[data-waiting]");
    line.hidden = !waiting;
    line.querySelector("[data-count]").textContent = waiting;
    document.dispatchEvent(new CustomEvent("till:queue", { detail: { isCutOff, waiting } }));
  };
  const reach = async () => {
    const before = isCutOff;
    try {
      if ((await TillQueue.waiting()).length) await TillQueue.handIn({ status, sales });
      else if (before) await fetch(status, { cache: "no-store", signal: AbortSignal.timeout(3000) });
      isCutOff = !navigator.onLine;
    } catch {
      isCutOff = true;
    }
    await show();
  };

  addEventListener("offline", () => { isCutOff = true; show(); });
  addEventListener("online", reach);
  document.addEventListener("till:told", reach);
  const tick = async () => {
    if (isCutOff || (await TillQueue.waiting()).length) await reach();
    setTimeout(tick, EVERY);
  };
  navigator.serviceWorker.register(worker);
  if (store) TillQueue.standAt(store);
  isCutOff = !navigator.onLine;
  reach();
  setTimeout(tick, EVERY);
})();
