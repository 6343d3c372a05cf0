// On a narrow screen the tab one is on stands within sight.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".cn-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});
