// Tells the cashier within two seconds that the house cannot be reached, and hands in what waits when it can again.
(() => {
  const banner = document.getElementById("connection");
  if (!banner || !("serviceWorker" in navigator)) return;
  const { worker, status, sales, store } = banner.dataset;
  const EVERY = 1000, PATIENCE = 1000, LEFT_ALONE = 120_000;
  let isCutOff = false, touched = Date.now();

  const show = async () => {
    const waiting = (await TillQueue.all()).length;
    banner.hidden = !isCutOff && !waiting;
    banner.querySelector("[data-cut-off]").hidden = !isCutOff;
    const line = banner.querySelector("[data-waiting]");
    line.hidden = !waiting;
    line.querySelector("[data-count]").textContent = waiting;
    document.dispatchEvent(new CustomEvent("till:queue", { detail: { isCutOff, waiting } }));
  };
  // One short question a second, of which the house keeps nothing: within two seconds the cashier knows.
  const isThere = async () => {
    if (!navigator.onLine) return false;
    try {
      return (await fetch(`${status}?ping`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) })).ok;
    } catch {
      return false;
    }
  };
  const reach = async () => {
    isCutOff = !(await isThere());
    try {
      if (!isCutOff && (await TillQueue.waiting()).length) await TillQueue.handIn({ status, sales });
    } catch {
      isCutOff = true;
    }
    await show();
  };

  addEventListener("offline", () => { isCutOff = true; show(); });
  addEventListener("online", reach);
  document.addEventListener("till:told", reach);
  for (const sign of ["keydown", "pointerdown"]) addEventListener(sign, () => { touched = Date.now(); }, true);
  const tick = async () => {
    const isLeftAlone = document.hidden || Date.now() - touched > LEFT_ALONE;
    if (!isLeftAlone || isCutOff || (await TillQueue.waiting()).length) await reach();
    setTimeout(tick, EVERY);
  };
  navigator.serviceWorker.register(worker);
  if (store) TillQueue.standAt(store);
  isCutOff = !navigator.onLine;
  tick();
})();
