// Keeps the sections marked `data-live` fresh; everything works without it, by loading the page again.
"use strict";
const toggle = document.getElementById("refresh");
async function refresh() {
  if (!toggle.checked || document.hidden) return;
  try {
    const response = await fetch("/", { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      // What has the focus stays, so that the keyboard is not interrupted.
      if (other && !part.contains(document.activeElement)) part.replaceChildren(...other.childNodes);
    }
    document.getElementById("state").textContent = "Up to date.";
  } catch {
    document.getElementById("state").textContent = "The fake does not respond any more.";
  }
}
document.getElementById("refresh-control").hidden = false;
setInterval(refresh, 2000);
