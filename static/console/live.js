// Live parts of pages: they rest while nobody looks, speak to screen readers only when there is something to say,
// and never put the login page into a corner of another one.
(() => {
  const isLive = (element) => element instanceof Element && element.closest("[data-live]") !== null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && isLive(event.detail.elt) && event.detail.requestConfig.verb === "get") event.preventDefault();
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("[data-live][hx-get]")) htmx.trigger(element, "seen");
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, xhr, requestConfig } = event.detail;
    if (!isLive(elt) || !xhr.responseURL) return;
    const answered = new URL(xhr.responseURL).pathname;
    const asked = new URL(requestConfig.path, location.href).pathname;
    if (answered === asked) return;
    event.preventDefault();
    event.detail.shouldSwap = false;
    if (elt.closest("[data-live]").dataset.live === "page") location.reload();
  });

  document.addEventListener("htmx:afterSettle", () => {
    const said = document.querySelector("[data-announcement]");
    const region = document.getElementById("live-status");
    if (said && region && region.textContent !== said.dataset.announcement) {
      region.textContent = said.dataset.announcement;
    }
  });

  // What has just ended runs no more in the header either.
  document.addEventListener("htmx:afterRequest", (event) => {
    const corner = document.getElementById("running");
    if (event.detail.xhr.status === 286 && corner) htmx.trigger(corner, "seen");
  });

  // What somebody has unfolded stays unfolded.
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    unfolded = [...event.detail.target.querySelectorAll("details[id][open]")].map((element) => element.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    unfolded = [];
  });

  // A log that is scrolled to its end stays there when lines arrive.
  let wasAtEnd = false;
  const log = () => document.getElementById("log");
  document.addEventListener("htmx:beforeSwap", () => {
    const element = log();
    wasAtEnd = element !== null && element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (wasAtEnd && log()) log().scrollTop = log().scrollHeight;
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (log()) log().scrollTop = log().scrollHeight;
  });
})();
