// "Everything": fill in all that is left of each line.
document.querySelector("[data-fill]")?.addEventListener("click", () => {
  document.querySelectorAll(".desk-quantity").forEach((field) => { field.value = field.max; });
});
