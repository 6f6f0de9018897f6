// The page of a till that is cut off: card, amount, Enter, next. The sale is stored before the cashier sees that it is.
(() => {
  const form = document.getElementById("offline-sale"), list = document.getElementById("kept"), row = document.getElementById("kept-row");
  const who = form.elements.who, amount = form.elements.amount, told = document.getElementById("told"), wrong = document.getElementById("wrong");
  const money = (minor) => (minor / 100).toLocaleString(document.documentElement.lang, { minimumFractionDigits: 2 });

  const isCard = (digits) => digits.length === 13 && digits.startsWith("29") && [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0) % 10 === 0;
  const isSomebody = (text) => {
    const digits = text.replace(/\D/g, "");
    if (text.includes("@")) return /^\S+@\S+\.\S+$/.test(text);
    if (digits.startsWith("29") && digits.length === 13) return isCard(digits);
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
  if (location.hash === "#kept") told.hidden = false;
  if (location.hash === "#amount") complain(amount, "wrong");
  draw();
  who.focus();
})();
