// The sales of a till that is cut off. Each is named and stored before anything else happens to it, and leaves the store only
// when the house has answered for it. Pages and the service worker share this file.
const TillQueue = (() => {
  const open = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("till", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("sales", { keyPath: "key" });
      asked.result.createObjectStore("facts");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const run = async (mode, work, name = "sales") => {
    const database = await open();
    try {
      return await new Promise((resolve, reject) => {
        const act = database.transaction(name, mode, { durability: "strict" });
        const asked = work(act.objectStore(name));
        act.oncomplete = () => resolve(asked?.result);
        act.onerror = act.onabort = () => reject(act.error);
      });
    } finally {
      database.close();
    }
  };

  const all = async () => (await run("readonly", (sales) => sales.getAll())).sort((a, b) => (a.at < b.at ? -1 : 1));
  // The store this till stands at, as the last page that the house sent said it.
  const standAt = (store) => run("readwrite", (facts) => facts.put(store, "store"), "facts");
  const store = () => run("readonly", (facts) => facts.get("store"), "facts");
  const add = async (sale) => {
    const here = await store();
    await run("readwrite", (sales) => sales.put({ store: here, ...sale, reason: "" }));
  };
  const remove = (key) => run("readwrite", (sales) => sales.delete(key));
  const waiting = async () => (await all()).filter((sale) => !sale.reason);

  // "24.60", "24,60", "1,234.5" or "24" in minor units, as the house reads them; 0 for anything else.
  const toMinor = (text) => {
    const plain = text.normalize("NFKC").replaceAll(" ", "").replace(/^[$¥€£]/, "");
    const found = plain.match(/^(?:(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?|(\d+),(\d{2}))$/);
    if (!found) return 0;
    const whole = (found[1] ?? found[3]).replaceAll(",", ""), part = (found[2] ?? found[4] ?? "").padEnd(2, "0");
    const minor = Number(whole) * 100 + Number(part);
    return minor <= 10_000_000 ? minor : 0;
  };

  // Tell the house what waits, oldest first. True when nothing is left to tell.
  const AT_ONCE = 200;
  const handIn = async ({ status, sales }) => {
    const here = await (await fetch(status, { cache: "no-store", signal: AbortSignal.timeout(3000) })).json();
    if (!here.csrf) return false;
    for (let told = await waiting(); told.length; told = await waiting()) {
      const answer = await fetch(sales, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": here.csrf },
        body: JSON.stringify({ sales: told.slice(0, AT_ONCE).map(({ reason, ...sale }) => sale) }),
      });
      if (!answer.ok || answer.redirected) return false;
      for (const { key, outcome, reason } of (await answer.json()).answers) {
        const sale = told.find((one) => one.key === key);
        if (outcome !== "refused") await remove(key);
        else if (sale) await run("readwrite", (sales) => sales.put({ ...sale, reason }));
      }
    }
    return true;
  };
  // Two windows of one till take turns.
  const handInAlone = (where) => navigator.locks.request("till-queue", { ifAvailable: true }, (lock) => lock && handIn(where));

  return { add, all, remove, standAt, toMinor, waiting, handIn: handInAlone };
})();
