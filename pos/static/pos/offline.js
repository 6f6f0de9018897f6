// The page of a till that is cut off: card, amount, Enter, next. The sale is stored before the cashier sees that it is.
(() => {
  const form = document.getElementById("offline-sale"), list = document.getElementById("kept"), row = document.getElementById("kept-row");
  const who = form.elements.who, amount = form.elements.amount, told = document.getElementById("told"), wrong = document.getElementById("wrong");
  const money = (minor) => (minor / 100).toLocaleString(document.documentElement.lang, { minimumFractionDigits: 2 });

  const isSomebody = (text) => {
    const digits = text.replace(/\D/g, "");
    if (text.includes("@")) return /^\S+@\S+\.\S+$/.test(text);
    if (digits.startsWith("29") && digits.length === 13) return TillCodes.isCard(digits);
    return digits.length >= 10 && digits.length <= 15;
  };

  const draw = async () => {
    const sales = (await TillQueue.all()).reverse();
    list.replaceChildren(...sales.map((sale) => {
      const item = row.content.firstElementChild.cloneNode(true);
      item.querySelector("[data-amount]").textContent = money(sale.amount_minor);
      item.querySelector("[data-who]").textContent = sale.label || sale.who;
      item.querySelector("[data-at]").textContent = new Date(sale.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
      const reason = item.querySelector("[data-reason]"), away = item.querySelector("[data-remove]");
      reason.textContent = sale.reason;
      reason.hidden = away.hidden = !sale.reason;
      away.addEventListener("click", async () => {
        if (!confirm(away.dataset.sure)) return;
        await TillQueue.remove(sale.key);
        document.dispatchEvent(new CustomEvent("till:told"));
      });
      return item;
    }));
    document.getElementById("kept-none").hidden = sales.length > 0;
  };
  const complain = (field, word) => {
    wrong.textContent = field.dataset[word];
    wrong.hidden = false;
    told.hidden = true;
    field.select();
    field.focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const person = who.value.trim(), minor = TillQueue.toMinor(amount.value);
    if (!isSomebody(person)) return complain(who, "wrong");
    if (!minor) return amount.value ? complain(amount, "wrong") : amount.focus();
    await TillQueue.add({ key: crypto.randomUUID(), who: person, amount_minor: minor, at: new Date().toISOString() });
    wrong.hidden = true;
    told.hidden = false;
    form.reset();
    who.focus();
    document.dispatchEvent(new CustomEvent("till:told"));
  });
  document.addEventListener("till:queue", ({ detail }) => {
    document.getElementById("back").hidden = detail.isCutOff;
    draw();
  });
  // Scanned while the cursor is in the amount: it goes where it belongs.
  TillCodes.watch(document.getElementById("codes").dataset, ({ kind, text, isGood }) => {
    if (!isGood) TillCodes.beep();
    if (kind !== "card" || !isGood) return complain(who, kind === "card" ? "wrong" : "later");
    who.value = text;
    wrong.hidden = true;
    amount.focus();
  });

  const [word, member, typed] = location.hash.slice(1).split(":");
  if (word === "kept") told.hidden = false;
  if (word === "amount") complain(amount, "wrong");
  if (word === "undone") complain(who, "undone");
  draw();
  who.focus();
  if (word === "spend") {
    amount.value = decodeURIComponent(typed ?? "");
    complain(amount, "spend");
    const way = wrong.appendChild(document.createElement("a"));
    way.href = `${form.dataset.members}${member}/?amount=${typed}`;
    way.textContent = form.dataset.back;
  }
})();
