// Choosing what each column of a file is: says at once what is taken twice or still missing. The server checks again.
(() => {
  const check = () => {
    const form = document.getElementById("columns-form");
    if (!form) return;
    const selects = [...form.querySelectorAll("select[data-column]")];
    const taken = new Map();
    for (const { value } of selects) if (value) taken.set(value, (taken.get(value) ?? 0) + 1);
    for (const select of selects) {
      const row = select.closest("[data-row]");
      row.toggleAttribute("data-ignored", !select.value);
      const isTwice = taken.get(select.value) > 1;
      row.querySelector("[data-twice]").hidden = !isTwice;
      select.setAttribute("aria-invalid", isTwice);
    }
    const hasBeside = selects.some((select) => "beside" in (select.selectedOptions[0]?.dataset ?? {}));
    let missing = 0;
    for (const entry of form.querySelectorAll("[data-missing]")) {
      entry.hidden = taken.has(entry.dataset.missing) || (hasBeside && !("always" in entry.dataset));
      if (!entry.hidden) missing += 1;
    }
    const notice = form.querySelector("[data-missing-notice]");
    if (notice) notice.hidden = missing === 0;
    const used = form.querySelector("[data-used]");
    if (used) used.textContent = used.dataset.used.replace("{}", selects.filter((select) => select.value).length);
  };

  document.addEventListener("change", (event) => {
    if (!(event.target instanceof Element) || !event.target.matches("select[data-column]")) return;
    event.target.closest("[data-row]").querySelector("[data-remembered]")?.remove();
    check();
  });
  document.addEventListener("DOMContentLoaded", check);
})();
