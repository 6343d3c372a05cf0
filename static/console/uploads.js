// Choosing, dropping and sending a file. Without this script the form is sent as any other.
(() => {
  const input = () => document.getElementById("id_file");
  const errors = () => document.getElementById("id_file-errors");

  const inWords = (bytes) => {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
    const step = bytes ? Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), units.length - 1) : 0;
    return new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit", unit: units[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: 1,
    }).format(bytes / 1024 ** step);
  };

  const isTooLarge = (file) => file && file.size > Number(input().dataset.limit);

  const say = (text) => {
    errors().replaceChildren();
    if (!text) return;
    const line = document.createElement("p");
    line.textContent = text;
    errors().append(line);
  };

  const show = () => {
    const field = input();
    if (!field) return;
    const drop = field.closest("[data-drop]");
    const name = drop.querySelector("[data-file-name]");
    const file = field.files[0];
    drop.toggleAttribute("data-chosen", Boolean(file));
    name.textContent = file ? `${file.name} · ${inWords(file.size)}` : name.dataset.empty;
    if (isTooLarge(file)) say(field.dataset.tooLarge);
  };

  document.addEventListener("change", (event) => {
    if (event.target !== input()) return;
    // Unfold's own script would write the file's name into the next text field of the form.
    event.stopImmediatePropagation();
    say("");
    show();
  }, { capture: true });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const drop = event.target instanceof Element && event.target.closest("[data-drop]");
      if (!drop || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.toggleAttribute("data-over", name === "dragenter" || name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        input().files = event.dataTransfer.files;
        input().dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }

  const isUpload = (event) => event.target instanceof Element && event.target.id === "upload-form";

  document.addEventListener("submit", (event) => {
    if (!isUpload(event) || !isTooLarge(input().files[0])) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say(input().dataset.tooLarge);
    input().focus();
  }, { capture: true });

  const sending = (form, isSending) => {
    const buttons = [...form.querySelectorAll("button[type=submit]")];
    const bar = form.querySelector(".lv-sending");
    if (!buttons.length || !bar) return;
    const pressed = buttons.find((button) => button === document.activeElement) ?? buttons[0];
    for (const button of buttons) {
      button.dataset.rest ??= button.textContent;
      button.textContent = isSending && button === pressed ? button.dataset.sending : button.dataset.rest;
      button.disabled = isSending;
    }
    bar.hidden = !isSending;
    if (!isSending) bar.value = 0;
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isUpload(event)) sending(event.target, true);
  });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const bar = isUpload(event) && event.target.querySelector(".lv-sending");
    if (!bar || !event.detail.lengthComputable) return;
    if (event.detail.loaded < event.detail.total) bar.value = (100 * event.detail.loaded) / event.detail.total;
    else bar.removeAttribute("value");
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      if (!isUpload(event)) return;
      sending(event.target, false);
      say(event.target.dataset[event.detail.xhr.status === 403 ? "forbidden" : "broken"]);
    });
  }
  // Who is logged out is sent to the login page, not left with an empty form.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, xhr, requestConfig } = event.detail;
    if (elt.id !== "upload-form" || !xhr.responseURL) return;
    const answered = new URL(xhr.responseURL);
    if (answered.pathname === new URL(requestConfig.path, location.href).pathname) return;
    event.detail.shouldSwap = false;
    location.assign(answered);
  });
  // The field keeps its file when the form comes back, and with it its old attributes.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "upload-form") return;
    show();
    const isWrong = errors().childElementCount > 0;
    input().setAttribute("aria-invalid", isWrong);
    if (isWrong) input().focus();
  });
  document.addEventListener("DOMContentLoaded", show);
})();
