// Keeps the page as the portal is: asks for it again every second, sends its forms without leaving it.
import { morph } from "./morph.js";

const PAUSE = 1000;
const byId = (id) => document.getElementById(id);
let known = null; // the tag of the page that is shown
let gone = false; // what the page is about was deleted

function here() {
  const address = new URL(location.href);
  address.searchParams.delete("said");
  return address;
}

function take(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const region of document.querySelectorAll("[data-live]")) {
    const news = fresh.getElementById(region.id);
    if (news) morph(region, news);
  }
  tick();
  return fresh;
}

function say(fresh) {
  const said = byId("said");
  said.textContent = fresh.getElementById("said").textContent;
  said.hidden = said.textContent === "";
}

async function look() {
  try {
    const headers = known ? { "If-None-Match": known } : {};
    const answer = await fetch(here(), { headers, cache: "no-store" });
    if (answer.status !== 304) {
      known = answer.headers.get("ETag");
      gone = answer.status === 404;
      take(await answer.text());
    }
    byId("lost").hidden = true;
  } catch {
    byId("lost").hidden = false;
  }
}

async function watch() {
  if (!document.hidden) await look();
  if (!gone) setTimeout(watch, PAUSE);
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  try {
    const answer = await fetch(button?.hasAttribute("formaction") ? button.formAction : form.action, { method: "POST", body });
    say(take(await answer.text()));
    known = null;
    for (const field of form.elements) if (field.type === "tel" || field.type === "text") field.value = "";
  } catch {
    byId("lost").hidden = false;
  }
}

// How long the open calls last.
function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time.dataset.since)) / 1000));
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  event.preventDefault();
  send(event.target, event.submitter);
});

history.replaceState(null, "", here());
setInterval(tick, PAUSE);
tick();
watch();
