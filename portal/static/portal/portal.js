// The member's pages in the browser: the worker that keeps the card, the card's changing code, passkeys, pushes, sharing.
// No words here: they come from data attributes.
(() => {
  const here = document.currentScript.dataset;
  // What only some browsers can do keeps its place until it is known: nothing on the page jumps (portal.css).
  const settle = (box, isHere) => { box.hidden = !isHere; delete box.dataset.awaits; };
  const post = (address, csrf, body) => fetch(address, {
    method: "POST", body: JSON.stringify(body ?? {}),
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
  });

  // -- kept on the phone: registered when a member is in, told to keep the pocket fresh, and to forget it on leaving
  const worker = "serviceWorker" in navigator ? navigator.serviceWorker : null;
  const tell = async (word) => (await worker?.getRegistration(here.scope))?.active?.postMessage(word);
  if (worker && "member" in here && !location.pathname.startsWith(here.pocket)) {
    worker.register(here.worker, { scope: here.scope }).then(() => worker.ready).then(() => tell("keep")).catch(() => {});
  } else if (worker && location.pathname.startsWith(here.login)) tell("forget");
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-leave]")) tell("forget"); });

  // -- a code of six digits is sent as soon as it is whole
  document.querySelector("input[data-code]")?.addEventListener("input", ({ target }) => {
    if (target.value.replace(/\D/g, "").length === 6) target.form.requestSubmit();
  });

  // -- the card
  const card = document.querySelector("[data-live-card]");
  if (card) {
    const words = card.dataset, qr = card.querySelector("[data-qr]"), word = card.querySelector("[data-word]");
    const time = card.querySelector("[data-time]"), bar = time.firstElementChild;
    const printed = card.querySelector("[data-printed]");
    let version = words.version, until = 0;
    const showPrinted = () => {
      qr.replaceChildren(printed.content.cloneNode(true));
      qr.dataset.token = "";
      time.classList.remove("is-running");
      word.textContent = words.wordOffline;
    };
    const showNext = async () => {
      try {
        const answer = await fetch(words.code, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) throw new Error(answer.status);
        const next = await answer.json();
        qr.innerHTML = next.qr;
        qr.dataset.token = next.token;
        until = Date.now() + Number(words.shownMs);
        time.classList.add("is-running");
        word.textContent = words.wordLive;
      } catch { showPrinted(); }
    };
    const ask = async () => {
      try {
        const news = await (await fetch(`${words.news}?after=${version}`)).json();
        if (!news.version) return;
        version = news.version;
        card.querySelector("[data-points]").textContent = news.points;
        card.querySelector("[data-came-words]").textContent = news.words;
        card.querySelector("[data-came]").hidden = false;
      } catch { /* no network: the next question may be heard */ }
    };
    let beat = 0;
    const tick = () => {
      if (document.hidden) return;
      bar.setAttribute("width", Math.max(0, (until - Date.now()) / Number(words.shownMs) * 100));
      if (Date.now() >= until && navigator.onLine) { until = Date.now() + 5000; showNext(); }
      if (++beat % 3 === 0) ask();
    };
    showNext();
    setInterval(tick, 1000);
    addEventListener("online", showNext);
    addEventListener("offline", showPrinted);
    document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() >= until) showNext(); });
  }

  // -- on the home screen
  const install = document.querySelector("[data-install]");
  if (install) {
    let offer;
    addEventListener("beforeinstallprompt", (event) => { event.preventDefault(); offer = event; install.hidden = false; });
    install.querySelector("[data-install-now]").addEventListener("click", () => { offer?.prompt(); install.hidden = true; });
  }

  // -- sharing a link
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-share]");
    if (!button) return;
    if (navigator.share) return navigator.share({ title: button.dataset.shareTitle, url: button.dataset.share }).catch(() => {});
    await navigator.clipboard.writeText(button.dataset.share);
    button.querySelector("span").textContent = button.dataset.wordCopied;
  });

  // -- passkeys
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
  const told = (made) => {
    const { response } = made, said = { clientDataJSON: text(response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[part]) said[part] = text(response[part]);
    }
    return { id: made.id, rawId: text(made.rawId), type: made.type, response: said };
  };
  const passkey = document.getElementById("passkey");
  if (passkey) settle(passkey, Boolean(window.PublicKeyCredential));
  if (passkey && !passkey.hidden) {
    const words = passkey.dataset, status = passkey.querySelector("[data-passkey-status]");
    const asked = async () => (await (await post(words.ask, words.csrf)).json()).publicKey;
    passkey.querySelector("[data-passkey-login]")?.addEventListener("click", async () => {
      try {
        const options = await asked();
        const found = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) } });
        const answer = await post(words.answer, words.csrf, told(found));
        if (!answer.ok) { status.textContent = await answer.text(); return; }
        location.assign((await answer.json()).url);
      } catch (reason) { if (reason.name !== "NotAllowedError") status.textContent = reason.message; }
    });
    passkey.querySelector("[data-passkey-make]")?.addEventListener("click", async ({ currentTarget }) => {
      try {
        const options = await asked();
        const made = await navigator.credentials.create({ publicKey: { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: listed(options.excludeCredentials) } });
        const answer = await post(words.answer, words.csrf, told(made));
        status.textContent = answer.ok ? words.wordKept : await answer.text();
        if (answer.ok) currentTarget.hidden = true;
      } catch { status.textContent = words.wordFailed; }
    });
  }

  // -- pushes on this device
  const box = document.getElementById("device");
  if (!box) return;
  if (!worker || !("PushManager" in window)) return settle(box, false);
  const words = box.dataset, status = box.querySelector("[data-push-status]");
  const on = box.querySelector("[data-push-on]"), off = box.querySelector("[data-push-off]");
  const show = (isOn, said) => {
    status.textContent = said ?? (isOn ? words.wordOn : words.wordOff);
    on.hidden = isOn;
    off.hidden = !isOn;
    settle(box, true);
  };
  const send = async (address, body) => {
    const answer = await post(address, words.csrf, body);
    if (!answer.ok) throw new Error(await answer.text());
  };
  on.addEventListener("click", async () => {
    try {
      if ((await Notification.requestPermission()) !== "granted") return show(false, words.wordBlocked);
      const registered = await worker.register(words.worker, { scope: words.scope });
      await worker.ready;
      const subscription = await registered.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(words.pushKey) });
      await send(words.subscribe, subscription.toJSON());
      show(true);
    } catch { show(false, words.wordFailed); }
  });
  off.addEventListener("click", async () => {
    try {
      const subscription = await (await worker.getRegistration(words.scope))?.pushManager.getSubscription();
      if (subscription) {
        await send(words.unsubscribe, { endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      show(false);
    } catch { show(true, words.wordFailed); }
  });
  (async () => {
    const registered = await worker.getRegistration(words.scope);
    const subscription = await registered?.pushManager.getSubscription();
    if (Notification.permission === "denied") return show(false, words.wordBlocked);
    show(Boolean(subscription));
  })();
})();
